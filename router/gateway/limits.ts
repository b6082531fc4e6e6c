/**
 * Refuses a hostile document before it is validated or planned, in time linear in its length.
 *
 * The subgraphs hold the same limits; here they protect the planner, which sees the document first.
 */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";

export const MAX_TOKENS = 2_000;
const MAX = { depth: 10, aliases: 15, directives: 10, roots: 10, fields: 500, nesting: 30 } as const;

type Measure = Record<keyof typeof MAX, number>;

const NOTHING: Measure = { depth: 0, aliases: 0, directives: 0, roots: 0, fields: 0, nesting: 0 };

/** Throws a `GraphQLError` that names the first limit passed. Fragments count once for each spread. */
export function checkLimits(document: DocumentNode): void {
  const measured = new Map<string, Measure | "open">();
  const fragments = new Map<string, FragmentDefinitionNode>();
  const operations: OperationDefinitionNode[] = [];
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
    if (definition.kind === Kind.OPERATION_DEFINITION) operations.push(definition);
  }

  function ofFragment(name: string): Measure {
    const known = measured.get(name);
    if (known === "open") throw refusal(`Fragment "${name}" spreads itself.`);
    if (known) return known;
    const fragment = fragments.get(name);
    if (!fragment) return NOTHING;
    measured.set(name, "open");
    const measure = ofSelections(fragment.selectionSet);
    measured.set(name, measure);
    return measure;
  }

  function ofSelections(set: SelectionSetNode | undefined): Measure {
    const sum = { ...NOTHING };
    if (!set) return sum;
    for (const selection of set.selections) {
      const inner = ofSelection(selection);
      sum.depth = Math.max(sum.depth, inner.depth);
      sum.aliases += inner.aliases;
      sum.directives += inner.directives + (selection.directives?.length ?? 0);
      sum.roots += inner.roots;
      sum.fields += inner.fields;
      sum.nesting = Math.max(sum.nesting, inner.nesting);
    }
    sum.nesting += 1;
    return sum;
  }

  function ofSelection(selection: SelectionNode): Measure {
    if (selection.kind === Kind.FRAGMENT_SPREAD) return ofFragment(selection.name.value);
    const inner = ofSelections(selection.selectionSet);
    if (selection.kind === Kind.INLINE_FRAGMENT) return inner;
    if (isIntrospection(selection.name.value)) return { ...NOTHING, depth: 1, roots: 1, fields: 1 };
    inner.depth += 1;
    inner.fields += 1;
    inner.roots = 1;
    if (selection.alias) inner.aliases += 1;
    return inner;
  }

  for (const name of fragments.keys()) ofFragment(name);
  for (const operation of operations) {
    const measure = ofSelections(operation.selectionSet);
    measure.directives += operation.directives?.length ?? 0;
    for (const name of Object.keys(MAX) as (keyof Measure)[]) {
      if (measure[name] > MAX[name]) throw refusal(`The operation has more than ${MAX[name]} ${TOLD[name]}.`);
    }
  }
}

const TOLD: Record<keyof Measure, string> = {
  depth: "levels",
  aliases: "aliases",
  directives: "directives",
  roots: "root fields",
  fields: "fields",
  nesting: "nested selections",
};

/** GraphiQL's introspection query is deep; whether it is allowed at all is decided elsewhere. */
function isIntrospection(name: string): boolean {
  return name === "__schema" || name === "__type";
}

function refusal(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "GRAPHQL_VALIDATION_FAILED" } });
}

/**
 * Keeps the promise of `!`: a null where none may be takes its parent along, as the specification says.
 *
 * The engine leaves such nulls in place, and in fragments it leaves the fields out: a typed client would trip
 * over both. They come from subgraphs that are down, and from entities that one subgraph refers to and another
 * does not show.
 */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLOutputType,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isListType,
  isNonNullType,
  isUnionType,
} from "graphql";

type Data = Record<string, unknown>;

interface Selected {
  key: string;
  type: GraphQLOutputType;
  /** What is selected below; absent for a leaf. */
  fields: Selected[] | undefined;
  /** Whether it must be there: no directive and no fragment on another type may leave it out. */
  always: boolean;
}

/** Returned instead of a null that may not be: whatever holds it becomes null. */
const BUBBLE = Symbol("bubble");

const plans = new WeakMap<OperationDefinitionNode, Selected[]>();

/** Changes `data` in place; returns null when nothing of it may stay. */
export function withoutForbiddenNulls(
  data: Data | null,
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): Data | null {
  let fields = plans.get(operation);
  if (fields === undefined) {
    fields = selected(schema, document, operation);
    plans.set(operation, fields);
  }
  return data && completeObject(data, fields);
}

function complete(value: unknown, type: GraphQLOutputType, fields: Selected[] | undefined): unknown {
  if (isNonNullType(type)) return complete(value, type.ofType, fields) ?? BUBBLE;
  if (value === null || value === undefined) return null;
  if (isListType(type)) return Array.isArray(value) ? completeList(value, type.ofType, fields) : null;
  return fields ? completeObject(value as Data, fields) : value;
}

function completeList(
  items: unknown[],
  type: GraphQLOutputType,
  fields: Selected[] | undefined,
): unknown[] | null {
  for (let index = 0; index < items.length; index++) {
    const item = complete(items[index], type, fields);
    if (item === BUBBLE) return null;
    items[index] = item;
  }
  return items;
}

function completeObject(object: Data, fields: Selected[]): Data | null {
  for (const { key, type, fields: below, always } of fields) {
    const before = object[key];
    if (before === undefined && !always) continue;
    const after = complete(before, type, below);
    if (after === BUBBLE) return null;
    object[key] = after;
  }
  return object;
}

/** The fields of an operation with their types; made once for each document. */
function selected(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): Selected[] {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }

  function below(set: SelectionSetNode, parent: GraphQLCompositeType, always = true): Selected[] {
    return set.selections.flatMap((selection) => {
      const here = always && !selection.directives?.length;
      if (selection.kind === Kind.FIELD) {
        const field = isUnionType(parent) ? undefined : parent.getFields()[selection.name.value];
        if (!field) return [];
        const key = selection.alias?.value ?? selection.name.value;
        const named = getNamedType(field.type);
        const deeper = selection.selectionSet;
        const fields = deeper && isCompositeType(named) ? below(deeper, named) : undefined;
        return [{ key, type: field.type, fields, always: here }];
      }
      const fragment =
        selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value)!;
      const condition = fragment.typeCondition && schema.getType(fragment.typeCondition.name.value);
      if (!isCompositeType(condition)) return below(fragment.selectionSet, parent, here);
      const fits =
        condition === parent ||
        (isAbstractType(condition) && !isUnionType(parent) && schema.isSubType(condition, parent));
      return below(fragment.selectionSet, condition, here && fits);
    });
  }

  return below(operation.selectionSet, schema.getRootType(operation.operation)!);
}

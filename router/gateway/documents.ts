/** From the text of a request to an operation that may be planned. Clients send few documents, so all is cached. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  getOperationAST,
  parse,
  specifiedRules,
  validate,
} from "graphql";

import { MAX_TOKENS, checkLimits } from "./limits.ts";
import type { Settings } from "./settings.ts";

/** The parameters of GraphQL over HTTP, as far as their types have been checked. */
export interface Parameters {
  query?: string;
  operationName?: string;
  documentId?: string;
  variables?: Record<string, unknown>;
  extensions?: Record<string, unknown>;
}

export interface Operation {
  document: DocumentNode;
  node: OperationDefinitionNode;
  name: string | undefined;
  type: "query" | "mutation" | "subscription";
}

/** Finds, parses, checks and validates. Throws `GraphQLError`s with a code, several as an `AggregateError`. */
export type Prepare = (parameters: Parameters) => Operation;

const CACHED_DOCUMENTS = 1_000;
const MAX_CACHED_LENGTH = 16_384;
const MAX_VALIDATION_ERRORS = 5;

export function createPrepare(schema: GraphQLSchema, settings: Settings): Prepare {
  const rules = settings.introspection
    ? specifiedRules
    : [...specifiedRules, NoSchemaIntrospectionCustomRule];
  const textOf = documentSource(settings);
  const documents = new Map<string, DocumentNode>();

  function read(text: string): DocumentNode {
    const known = documents.get(text);
    if (known) return known;
    const document = parseChecked(text);
    const errors = validate(schema, document, rules, { maxErrors: MAX_VALIDATION_ERRORS });
    if (errors.length > 0) throw new AggregateError(errors.map((error) => coded(error)));
    if (text.length <= MAX_CACHED_LENGTH) {
      if (documents.size >= CACHED_DOCUMENTS) documents.delete(documents.keys().next().value!);
      documents.set(text, document);
    }
    return document;
  }

  return (parameters) => {
    const document = read(textOf(parameters));
    const node = getOperationAST(document, parameters.operationName);
    if (!node)
      throw refused(
        "GRAPHQL_VALIDATION_FAILED",
        "Say with operationName which operation of the document to run.",
      );
    return { document, node, name: node.name?.value, type: node.operation };
  };
}

function parseChecked(text: string): DocumentNode {
  try {
    const document = parse(text, { maxTokens: MAX_TOKENS });
    checkLimits(document);
    return document;
  } catch (error) {
    if (error instanceof GraphQLError && !error.extensions["code"])
      throw coded(error, "GRAPHQL_PARSE_FAILED");
    throw error;
  }
}

function coded(error: GraphQLError, code = "GRAPHQL_VALIDATION_FAILED"): GraphQLError {
  const { message, nodes, source, positions, path } = error;
  return new GraphQLError(message, { nodes, source, positions, path, extensions: { code } });
}

export function refused(code: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

/** The text to run: sent as such, or named by its id or hash when persisted documents are configured. */
function documentSource({
  persistedDocumentsPath,
  persistedOnly,
}: Settings): (parameters: Parameters) => string {
  const persisted =
    persistedDocumentsPath === undefined ? new Map<string, string>() : load(persistedDocumentsPath);
  return ({ query, documentId, extensions }) => {
    const id = documentId ?? hashOf(extensions?.["persistedQuery"]);
    if (id !== undefined) {
      const text = persisted.get(id.replace(/^sha256:/, ""));
      if (text === undefined) throw refused("PERSISTED_QUERY_NOT_FOUND", "No such persisted document.");
      return text;
    }
    if (query === undefined) throw refused("BAD_USER_INPUT", "The request has no query.");
    if (persistedOnly && !persisted.has(digest(query))) {
      throw refused("PERSISTED_QUERY_REQUIRED", "Only persisted documents are served.");
    }
    return query;
  };
}

/** Documents by their name in the file and by their SHA-256. */
function load(path: string): Map<string, string> {
  const entries = Object.entries(JSON.parse(readFileSync(path, "utf8")) as Record<string, string>);
  return new Map(
    entries.flatMap(([id, text]) => [
      [id.replace(/^sha256:/, ""), text],
      [digest(text), text],
    ]),
  );
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function hashOf(persistedQuery: unknown): string | undefined {
  const value = (persistedQuery as { sha256Hash?: unknown } | null | undefined)?.sha256Hash;
  return typeof value === "string" ? value : undefined;
}

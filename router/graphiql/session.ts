/** Who is logged in, in this tab, and the way to the endpoint in that person's name. */
import { type Fetcher, createGraphiQLFetcher } from "@graphiql/toolkit";
import { type Client, createClient } from "graphql-ws";

export interface Session {
  email: string;
  accessToken: string;
  /** As the API tells it: ISO 8601. */
  expiresAt: string;
}

export interface DemoLogin {
  label: string;
  email: string;
  password: string;
}

const KEY = "polynode.session";
const ENDPOINT = "/graphql";
const LOGIN = `mutation Login($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on LoginSuccess { accessToken expiresAt }
    ... on UserError { message code }
  }
}`;

type LoginAnswer = {
  data?: { login: { accessToken?: string; expiresAt?: string; message?: string } } | null;
  errors?: { message: string }[];
};

export function restored(): Session | undefined {
  const session = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Session | null;
  return session && Date.parse(session.expiresAt) > Date.now() ? session : undefined;
}

export function remember(session: Session | undefined): void {
  if (session) sessionStorage.setItem(KEY, JSON.stringify(session));
  else sessionStorage.removeItem(KEY);
}

/** Throws an `Error` whose message is for the person at the keyboard. */
export async function login(email: string, password: string): Promise<Session> {
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: LOGIN, variables: { input: { email, password } } }),
  });
  const { data, errors } = (await response.json()) as LoginAnswer;
  const { accessToken, expiresAt, message } = data?.login ?? {};
  if (!accessToken || !expiresAt) throw new Error(message ?? errors?.[0]?.message ?? "The login failed.");
  return { email, accessToken, expiresAt };
}

export async function demoLogins(): Promise<DemoLogin[]> {
  const response = await fetch("/demo.json").catch(() => undefined);
  const isList = response?.ok && response.headers.get("content-type")?.includes("json");
  return isList ? ((await response.json()) as DemoLogin[]) : [];
}

/** A fetcher that speaks as `session`, and how to close its socket. */
export function connect(session: Session | undefined): { fetcher: Fetcher; close: () => void } {
  const authorization = session && `Bearer ${session.accessToken}`;
  const wsClient: Client = createClient({
    url: `${location.origin.replace(/^http/, "ws")}${ENDPOINT}`,
    lazyCloseTimeout: 5_000,
    connectionParams: () => (authorization ? { authorization } : {}),
  });
  const fetcher = createGraphiQLFetcher({
    url: ENDPOINT,
    wsClient,
    headers: authorization ? { authorization } : {},
  });
  return { fetcher, close: () => void wsClient.dispose() };
}

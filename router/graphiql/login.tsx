/** The pane in which one logs in: the token then goes along with every request and with the socket. */
import type { GraphiQLPlugin } from "@graphiql/react";
import { type SubmitEvent, type ReactElement, createContext, useContext, useEffect, useState } from "react";

import { type DemoLogin, type Session, demoLogins, login } from "./session.ts";

interface Identity {
  session: Session | undefined;
  change: (session: Session | undefined) => void;
}

export const IdentityContext = createContext<Identity>({ session: undefined, change: () => undefined });

export const loginPlugin: GraphiQLPlugin = { title: "Log in", icon: Icon, content: Pane };

function Icon(): ReactElement {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <circle cx="12" cy="8" r="4" />
      <path d="M4 21c0-4 3.6-7 8-7s8 3 8 7" />
    </svg>
  );
}

function Pane(): ReactElement {
  const { session, change } = useContext(IdentityContext);
  return (
    <section className="login">
      <h2>{session ? "Logged in" : "Log in"}</h2>
      {session ? (
        <>
          <p>
            As <strong>{session.email}</strong> until {new Date(session.expiresAt).toLocaleTimeString()}.
          </p>
          <button type="button" className="graphiql-button" onClick={() => change(undefined)}>
            Forget this login
          </button>
        </>
      ) : (
        <p>You are anonymous. Log in to enrol, learn and follow your progress live.</p>
      )}
      {/* Anew for another person: the password does not stay in its field. */}
      <Form key={session?.email} done={change} />
    </section>
  );
}

function Form({ done }: { done: Identity["change"] }): ReactElement {
  const [demos, setDemos] = useState<DemoLogin[]>([]);
  const [problem, setProblem] = useState("");
  useEffect(() => void demoLogins().then(setDemos), []);

  async function enter(email: string, password: string): Promise<void> {
    setProblem("");
    try {
      done(await login(email, password));
    } catch (error) {
      setProblem((error as Error).message);
    }
  }

  function submit(event: SubmitEvent<HTMLFormElement>): void {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    void enter(given.get("email") as string, given.get("password") as string);
  }

  return (
    <>
      {demos.length > 0 && (
        <div className="demos">
          <h3>Demo logins</h3>
          {demos.map(({ label, email, password }) => (
            <button
              key={email}
              type="button"
              className="graphiql-button"
              onClick={() => void enter(email, password)}
            >
              {label}
            </button>
          ))}
        </div>
      )}
      <form onSubmit={submit}>
        <label>
          E-mail
          <input name="email" type="email" autoComplete="username" required />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <button type="submit" className="graphiql-button">
          Log in
        </button>
        <p role="alert">{problem}</p>
      </form>
    </>
  );
}

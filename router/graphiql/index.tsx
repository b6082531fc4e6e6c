import "./workers.ts";

import { GraphiQL } from "graphiql";
import { buildSchema } from "graphql";
import { type ReactElement, useEffect, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import "graphiql/style.css";
import "./style.css";

import { EXAMPLES } from "./examples.ts";
import { IdentityContext, loginPlugin } from "./login.tsx";
import { type Session, connect, remember, restored } from "./session.ts";

/** The published file, so that GraphiQL also works where introspection is off. */
const sdl = await (await fetch("/schema.graphql")).text();
const schema = buildSchema(sdl);

function App(): ReactElement {
  const [session, setSession] = useState<Session | undefined>(restored);
  const { fetcher, close } = useMemo(() => connect(session), [session]);
  useEffect(() => close, [close]);

  function change(next: Session | undefined): void {
    remember(next);
    setSession(next);
  }

  return (
    <IdentityContext value={{ session, change }}>
      <GraphiQL
        fetcher={fetcher}
        schema={schema}
        defaultTabs={EXAMPLES}
        plugins={[loginPlugin]}
        visiblePlugin={loginPlugin}
        isHeadersEditorEnabled={false}
        showPersistHeadersSettings={false}
      >
        <GraphiQL.Logo>
          Polynode <small>{session?.email ?? "anonymous"}</small>
        </GraphiQL.Logo>
      </GraphiQL>
    </IdentityContext>
  );
}

createRoot(document.getElementById("graphiql")!).render(<App />);

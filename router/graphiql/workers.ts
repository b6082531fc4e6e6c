/** Where Monaco, the editor in GraphiQL, finds its workers. Imported before anything that starts Monaco. */
const WORKERS: Record<string, string> = { json: "json.worker.js", graphql: "graphql.worker.js" };

Object.assign(globalThis, {
  MonacoEnvironment: {
    getWorker: (_id: string, label: string) =>
      new Worker(`/graphiql/${WORKERS[label] ?? "editor.worker.js"}`),
  },
});

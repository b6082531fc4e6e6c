/** Bundles GraphiQL into `router/dist/graphiql/`: scripts, workers, styles and fonts, nothing from outside. */
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { type BuildOptions, build } from "esbuild";

const HERE = import.meta.dirname;
const TARGET = join(HERE, "../dist/graphiql");

rmSync(TARGET, { recursive: true, force: true });
mkdirSync(TARGET, { recursive: true });
const shared: BuildOptions = {
  absWorkingDir: HERE,
  outdir: TARGET,
  bundle: true,
  minify: true,
  target: "es2022",
  jsx: "automatic",
  loader: { ".ttf": "file" },
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "warning",
};
await build({
  ...shared,
  entryPoints: ["index.tsx"],
  format: "esm",
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
});
await build({
  ...shared,
  entryPoints: {
    "editor.worker": "monaco-editor/esm/vs/editor/editor.worker.js",
    "graphql.worker": "monaco-graphql/esm/graphql.worker.js",
    "json.worker": "monaco-editor/esm/vs/language/json/json.worker.js",
  },
  format: "iife",
});
copyFileSync(join(HERE, "index.html"), join(TARGET, "index.html"));

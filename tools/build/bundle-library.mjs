/**
 * Bundles a library, whose folder this runs in, so that commands and their workers load one file where they would load
 * dozens: from what TypeScript compiled to `dist/modules` into one file in `dist` for each entry of its package.json.
 */
import { readFileSync } from "node:fs";
import { rolldown } from "rolldown";

const { exports, dependencies = {} } = JSON.parse(readFileSync("package.json", "utf8"));
const entries = Object.values(exports).flatMap(
  ({ default: file }) => /^\.\/dist\/(.*)\.js$/.exec(file)?.[1] ?? [],
);
const bundle = await rolldown({
  input: Object.fromEntries(entries.map((entry) => [entry, `dist/modules/${entry}.js`])),
  external: [/^node:/, ...Object.keys(dependencies).map((name) => new RegExp(`^${name}(?:/|$)`))],
});
await bundle.write({ dir: "dist", chunkFileNames: "[name].js", sourcemap: true });

/**
 * Bundles a library, whose folder this runs in, so that commands and their workers load one file where they would load
 * dozens: from what TypeScript compiled to `dist/modules` into one file in `dist` for each entry of its package.json.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

/** Of TypeScript; everything else in `dist` is the last bundle. */
const KEPT = ["modules", ".tsbuildinfo"];

const { exports } = JSON.parse(readFileSync("package.json", "utf8"));
const entries = Object.entries(exports).flatMap(([name, target]) => {
  if (typeof target === "string") return [];
  const [, entry] = /^\.\/dist\/(.+)\.js$/.exec(target.default) ?? [];
  if (entry === undefined)
    throw new Error(`exports["${name}"]: expected a default in ./dist, got ${target.default}`);
  return [entry];
});
const bundle = await rolldown({
  input: Object.fromEntries(entries.map((entry) => [entry, `./dist/modules/${entry}.js`])),
  platform: "neutral",
  // Packages, by their names.
  external: (id, _importer, isResolved) => !isResolved && /^[^./]/.test(id),
  plugins: [
    {
      name: "source maps of TypeScript",
      load: (id) => ({ code: readFileSync(id, "utf8"), map: readFileSync(`${id}.map`, "utf8") }),
    },
  ],
  onLog(level, { message }) {
    if (level === "warn") throw new Error(message);
  },
});
for (const name of readdirSync("dist")) {
  if (!KEPT.includes(name)) rmSync(join("dist", name), { recursive: true });
}
await bundle.write({ dir: "dist", chunkFileNames: "[name].js", sourcemap: true });

import { cpSync, existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** `pnpm build:site`: copies the site, as it was built, to a folder of the user's. */

const DIST = fileURLToPath(new URL("../dist", import.meta.url));

/** What a folder has that holds an earlier site. */
const OWN = ["index.html", "service-worker.js", "runtime", "assets"];

const HELP = `Usage: pnpm build:site --out <folder>

Builds a static site that measures the browser that opens it, and offers the results.json for download. It works under any
path of any server of static files, over https (or from this machine's own address), and needs nothing else.

Options:
  --out <folder>  a new or empty folder, or one with an earlier site; e.g. --out site

Exit codes: 0 done; 2 wrong usage, or a folder that is not to be overwritten.`;

function copySite() {
  const { out, help } = parseArgs({
    options: { out: { type: "string" }, help: { type: "boolean" } },
  }).values;
  if (help) return HELP;
  if (!out) throw new Error("expected --out <folder>, got none; e.g. pnpm build:site --out site");
  if (existsSync(out) && !lstatSync(out).isDirectory()) {
    throw new Error(`expected a folder, and --out ${out} is none; choose another`);
  }
  const present = existsSync(out) ? readdirSync(out) : [];
  const isSite = OWN.every((name) => present.includes(name));
  if (present.length > 0 && !isSite) {
    throw new Error(`--out ${out} holds something else than a site; choose a new folder, or empty it`);
  }
  for (const name of isSite ? OWN : []) rmSync(join(out, name), { recursive: true });
  cpSync(DIST, out, { recursive: true });
  return `wrote ${out}: serve it over https, or try it with: npx http-server ${out}`;
}

try {
  console.log(copySite());
} catch (error) {
  console.error(`build:site: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 2;
}

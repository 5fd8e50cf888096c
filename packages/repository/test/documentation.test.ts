import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { METHODS } from "@softmax-bench/core";
import { parse } from "acorn";
import { createJiti } from "jiti";
import { describe, expect, it, onTestFinished } from "vitest";
import { EXAMPLES, type Example } from "./examples.js";
import { ROOT } from "./root.js";

interface Block {
  /** The file and the block's place among those of the file. */
  readonly name: string;
  readonly code: string;
}

/** Markdown files of people, not of runs. */
function documents(): string[] {
  const packages = ["packages", "apps", "tools", "examples"].flatMap((group) =>
    readdirSync(join(ROOT, group)).map((name) => join(group, name)),
  );
  return [".", "docs", "deploy", "bench-results", ...packages]
    .filter((folder) => existsSync(join(ROOT, folder)))
    .flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => join(folder, name)))
    .filter((file) => file.endsWith(".md"));
}

/** A document's blocks of TypeScript or JavaScript, without their indentation. */
function blocksOf(file: string): Block[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const blocks = text.matchAll(/^( *)```(?:[cm]?[jt]sx?|typescript|javascript)\b.*\n([\s\S]*?)^\1```$/gm);
  return Array.from(blocks, ([, indentation, code = ""], index) => ({
    name: `${file} ${index + 1}`,
    code: code.replaceAll(new RegExp(`^${indentation}`, "gm"), ""),
  }));
}

const BLOCKS = documents().flatMap(blocksOf);
const codeOf = (name: string): string => {
  const block = BLOCKS.find((one) => one.name === name);
  if (!block) throw new Error(`the documentation has no block ${name}`);
  return block.code;
};

/** A folder in a package, which is gone after the test: what is imported there is found as in the package. */
function folderIn(name: string): string {
  const reports = join(ROOT, name, "reports");
  mkdirSync(reports, { recursive: true });
  const folder = mkdtempSync(join(reports, "example-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs an example in this Node. @returns what it printed on stdout; on stderr, if it failed */
function run(name: string, { package: home, before = "", after = "", file }: Example): string {
  const folder = folderIn(home);
  if (file) copyFileSync(join(ROOT, file[1]), join(folder, file[0]));
  writeFileSync(join(folder, "example.mjs"), [before, codeOf(name), after].join("\n"));
  const args = ["example.mjs"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  return (status === 0 ? stdout : stderr).trim();
}

/** The one block with types in it. */
const FORMULATION = "CONTRIBUTING.md 1";

describe("the code in the documentation", () => {
  it("is all known here: an example that is added is run, too", () => {
    expect(BLOCKS.map(({ name }) => name).sort()).toEqual([...Object.keys(EXAMPLES), FORMULATION].sort());
  });

  it.each(Object.entries(EXAMPLES))("runs, and does what it says: %s", (name, example) => {
    expect(run(name, example)).toMatch(example.prints);
  });

  it.each(Object.keys(EXAMPLES))("has no syntax that Node 20 does not know: %s", (name) => {
    expect(() => parse(codeOf(name), { ecmaVersion: 2023, sourceType: "module" })).not.toThrow();
  });

  it("is a formulation, where it shows how to write one", async () => {
    const folder = folderIn("packages/core");
    const built = join(ROOT, "packages", "core", "dist", "modules", "formulations");
    writeFileSync(join(folder, "halved.ts"), codeOf(FORMULATION).replaceAll('from "./', `from "${built}/`));
    const { halved } = await createJiti(import.meta.url).import<{ halved: unknown }>(
      join(folder, "halved.ts"),
    );
    expect(halved).toMatchObject({
      id: "halved",
      loss: expect.any(Function),
      lossAndGradient: expect.any(Function),
    });
  });
});

it("docs/cli.md lists every method", () => {
  const text = readFileSync(join(ROOT, "docs", "cli.md"), "utf8");
  const listed = Array.from(text.matchAll(/^\| `((?:autograd|manual)\/[\w-]+)`/gm), ([, id]) => id);
  expect(listed).toEqual(METHODS.map(({ id }) => id));
});

describe("links between documents", () => {
  /** The names that a document's headings have in addresses, as GitHub makes them. */
  const anchorsOf = (file: string): string[] =>
    Array.from(readFileSync(file, "utf8").matchAll(/^#+ (.+)$/gm), ([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\- ]/gu, "")
        .replaceAll(" ", "-"),
    );

  it.each(documents())("lead to files, and to headings, that exist: %s", (document) => {
    const text = readFileSync(join(ROOT, document), "utf8").replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, "");
    const links = Array.from(text.matchAll(/\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]+))?\)/g));
    const dead = links.filter(([, path = "", anchor]) => {
      const file = path === "" ? join(ROOT, document) : resolve(ROOT, dirname(document), path);
      return !existsSync(file) || (anchor !== undefined && !anchorsOf(file).includes(anchor));
    });
    expect(dead.map(([link]) => link)).toEqual([]);
  });
});

describe("what is built", () => {
  const PACKAGES = ["packages", "apps"].flatMap((group) =>
    readdirSync(join(ROOT, group)).map((name) => join(ROOT, group, name, "dist")),
  );

  it("has no syntax that Node 20 does not know", () => {
    const files = PACKAGES.filter((folder) => existsSync(folder)).flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".js"))
        .map((file) => join(folder, file)),
    );
    expect(files.length).toBeGreaterThan(100);
    const unknown = files.filter((file) => {
      try {
        parse(readFileSync(file, "utf8"), { ecmaVersion: 2023, sourceType: "module", allowHashBang: true });
        return false;
      } catch {
        return true;
      }
    });
    expect(unknown).toEqual([]);
  });
});

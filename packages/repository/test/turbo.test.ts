import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import picomatch from "picomatch";
import { describe, expect, it } from "vitest";
import { ROOT } from "./root.js";

/**
 * Turbo answers `pnpm test` from its cache where nothing changed that it knows of. So it must know what tests read besides
 * the files of their package: environment variables, which it keeps from them otherwise, and files elsewhere.
 */

interface Configuration {
  readonly tasks: { readonly test: { readonly inputs: readonly string[]; readonly env?: readonly string[] } };
}

/** Its own examples are no paths and variables. */
const THIS = "packages/repository/test/turbo.test.ts";

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const configurationOf = (folder: string): Configuration => JSON.parse(read(join(folder, "turbo.json")));

const PACKAGES = ["packages", "apps"].flatMap((group) =>
  readdirSync(join(ROOT, group))
    .map((name) => join(group, name))
    .filter((folder) => existsSync(join(ROOT, folder, "package.json"))),
);

/** Sources and tests of a package, all that runs when it is tested. */
function filesOf(folder: string): string[] {
  const below = ["src", "test"].filter((name) => existsSync(join(ROOT, folder, name)));
  const files = below.flatMap((name) =>
    readdirSync(join(ROOT, folder, name), { recursive: true, encoding: "utf8" }).map((file) =>
      join(name, file),
    ),
  );
  const configurations = readdirSync(join(ROOT, folder)).filter((name) => name === "vitest.config.ts");
  return [...files, ...configurations]
    .filter((file) => /\.([cm]?js|tsx?)$/.test(file))
    .map((file) => join(folder, file))
    .filter((file) => file !== THIS);
}

/** Variables that others start a program with: GitHub, a scheduler, pnpm. Tests that need one set it themselves. */
const SET_BY_TESTS = [
  "FAULT",
  "FAULT_METHOD",
  "GITHUB_*",
  "npm_*",
  "SERIES",
  "SHARD_COUNT",
  "TEST_COUNTS",
].concat(["JOB_COMPLETION_INDEX", "SLURM_*", "CI_NODE_*", "STRATEGY_JOB_*", "SOFTMAX_BENCH_COMMAND"]);
/** Variables that turbo keeps from no task, and that decide nothing here. */
const ALWAYS_THERE = ["HOME", "PATH", "NO_COLOR"];
/** Variables that an adapter sets for its own process. */
const SET_BY_ADAPTERS = ["TF_CPP_MIN_LOG_LEVEL", "TF_NUM_INTRAOP_THREADS"];

/** Names after `process.env` or a parameter called `env`, and in patterns that one of the two is taken apart with. */
function variablesIn(text: string): string[] {
  const members = Array.from(text.matchAll(/\benv\.(\w+)/g), ([, name = ""]) => name);
  const patterns = text.matchAll(/\{([^{}]*)\}(?: = process\.env\b|: NodeJS\.ProcessEnv\b)/g);
  const inPatterns = Array.from(patterns, ([, names = ""]) => names.match(/\w+(?=\s*[:=,]|\s*$)/g) ?? []);
  return [...members, ...inPatterns.flat()].filter((name) => /^([A-Z]|npm_)/.test(name));
}

/** Targets outside its package of literal paths in a file, relative to the root of the repository. */
function outsideIn(file: string, folder: string): string[] {
  const literals = read(file).matchAll(/["'`](\.\.?\/[^"'`$\n]*)/g);
  const paths = Array.from(literals, ([, path = ""]) => relative(ROOT, resolve(ROOT, dirname(file), path)));
  // TypeScript is imported under the name of what it is compiled to.
  return paths
    .flatMap((path) => [path, path.replace(/\.js$/, ".ts")].find((at) => existsSync(join(ROOT, at))) ?? [])
    .filter((path) => relative(folder, path).startsWith(".."));
}

/** A folder that the package is in: what is read there does not stand in the literal. */
const contains = (path: string, folder: string): boolean => !relative(path, folder).startsWith("..");

describe("the test task of turbo", () => {
  const { env = [], inputs } = configurationOf(".").tasks.test;

  it.each(PACKAGES)("knows of the environment variables that %s reads", (folder) => {
    const known = picomatch([...env, ...SET_BY_TESTS, ...ALWAYS_THERE, ...SET_BY_ADAPTERS]);
    const names = filesOf(folder).flatMap((file) => variablesIn(read(file)));
    expect(names.filter((name) => !known(name))).toEqual([]);
  });

  it("knows of all files of a package", () => {
    expect(inputs).toContain("$TURBO_DEFAULT$");
  });

  it.each(PACKAGES)("knows of the files elsewhere that %s reads", (folder) => {
    const own = existsSync(join(ROOT, folder, "turbo.json")) ? configurationOf(folder).tasks.test.inputs : [];
    const globs = [...inputs, ...own].map((glob) => glob.replace(/^\$TURBO_ROOT\$\//, ""));
    const isInput = picomatch(globs, { dot: true });
    const outside = filesOf(folder)
      .flatMap((file) => outsideIn(file, folder))
      .filter((path) => !contains(path, folder));
    // A folder is an input if what is in it is.
    const missing = outside.filter((path) => !isInput(path) && !isInput(`${path}/x`));
    expect(missing).toEqual([]);
  });

  it("is up to date with every file that looks further afield than a literal path says", () => {
    const files = PACKAGES.flatMap((folder) =>
      filesOf(folder).filter((file) => outsideIn(file, folder).some((path) => contains(path, folder))),
    );
    expect(files).toEqual([
      // Reads everything.
      "packages/repository/test/root.ts",
      // The checkout as a whole, what was built, and its commit; tools/native-limit.
      "apps/runner/src/fs/repository.ts",
      "apps/runner/test/gate.test.ts",
      "apps/runner/test/faults/launchers.test.ts",
      "apps/runner/test/support/checkout.ts",
      "apps/runner/test/support/revision.ts",
    ]);
  });

  it("is held against every way of reading a variable", () => {
    const text = 'process.env.CC ?? "cc"; ({ A, B: b }: NodeJS.ProcessEnv) => env.D; const { C = "" } = ';
    expect(variablesIn(`${text}process.env;`)).toEqual(["CC", "D", "A", "B", "C"]);
  });
});

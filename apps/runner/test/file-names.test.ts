import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Results } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import { describe, expect, it } from "vitest";
import { fileNameFor, isFileName } from "../dist/fs/file-name.js";
import { createRunFolder } from "../dist/run/publish.js";
import { call, temporaryFolder } from "./support/cli.js";

const timing = (medianNs: number) => ({
  medianNs,
  madNs: 0,
  ci95Ns: [medianNs, medianNs] as [number, number],
  coverage: 0.9,
  scope: "process" as const,
  samples: [medianNs],
});

const resultsOf = (change: Partial<Results["run"]>): Results => ({
  schemaVersion: 1,
  run: {
    id: "20260101-000000-smoke",
    startedAt: "2026-01-01T00:00:00.000Z",
    finishedAt: "2026-01-01T00:00:10.000Z",
    profile: "smoke",
    argv: [],
    commit: null,
    plan: `sha256:${"0".repeat(64)}`,
    status: "complete",
    ...change,
  },
  environment: { cpu: "c", cores: 2, memoryBytes: 1, os: "o", node: "v20", versions: {} },
  backends: [{ id: "b", status: "available" }],
  cells: [
    {
      backend: "b",
      method: "manual/naive",
      dtype: "float32",
      workload: "2x2",
      status: "ok",
      timing: { gradient: timing(10) },
    },
  ],
  distances: [],
});

/** Folders of runs in a folder: the file of each is the JSON of its results, valid or not. */
function runsOf(...texts: string[]): string {
  const folder = temporaryFolder();
  for (const [index, text] of texts.entries()) {
    mkdirSync(join(folder, `run-${index}`));
    writeFileSync(join(folder, `run-${index}`, "results.json"), text);
  }
  return folder;
}

/** All that is in a folder and below it. */
const treeOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();

describe("a file that names a path where it should name a thing", () => {
  const hostile = "x/../../../../PWNED";
  const swap = (field: string): string => {
    const value = resultsOf({}) as unknown as Record<string, Record<string, unknown>>;
    const [section = "", name = ""] = field.split(".");
    (value[section] as Record<string, unknown>)[name] = hostile;
    return JSON.stringify(value);
  };

  it.each(["run.profile", "run.id", "run.command"])(
    "as its %s makes no command write anything",
    async (field) => {
      const folder = temporaryFolder();
      const runs = join(folder, "a", "b", "runs");
      mkdirSync(join(runs, "one"), { recursive: true });
      writeFileSync(join(runs, "one", "results.json"), swap(field));
      const before = treeOf(folder);
      for (const args of [
        ["merge", runs, "--out", join(folder, "a", "b", "out")],
        ["history", "--in", runs],
        ["report", "one", "--out", runs],
        ["compare", "one", "one", "--in", runs, "--out", join(folder, "a", "b", "out")],
      ]) {
        const { code, stderr } = await call(args[0] as string, args.slice(1));
        expect(code, stderr).toBe(2);
        expect(stderr).toMatch(new RegExp(`^${args[0]}: .*results\\.json.*: ${field}: .*PWNED.*\\n$`));
      }
      expect(treeOf(folder)).toEqual(before);
    },
  );

  it("makes no run folder either", () => {
    const folder = temporaryFolder();
    const out = join(folder, "a", "b");
    for (const profile of [hostile, "../x", "/x", ".x", "", "a\0b", "x".repeat(101)]) {
      expect(() => createRunFolder(out, profile, new Date(0)), profile).toThrow(
        /^expected a profile of letters/,
      );
    }
    expect(readdirSync(folder)).toEqual([]);
    expect(createRunFolder(out, "smoke", new Date(0)).id).toBe("19700101-000000-smoke");
  });
});

describe("pages of branches", () => {
  it("are one each, whatever the branches are called, and always under the same names", async () => {
    const branches = [
      ...[
        "feature/x",
        "feature-x",
        "日本語",
        "日本",
        "ветка",
        "Main",
        "main",
        "..",
        "../../x",
        ".hidden",
        "-rf",
      ],
      ...[
        "unknown",
        "(none)",
        "no branch",
        "a".repeat(300),
        "a".repeat(301),
        "x~0123456789abcdef",
        "con",
        "%2e",
      ],
    ];
    const folder = runsOf(
      ...[...branches, null].map((branch) => formatResults(resultsOf({ branch }))),
      formatResults(resultsOf({})),
    );
    const out = join(temporaryFolder(), "pages");
    const { code, stderr, stdout } = await call("history", ["--in", folder, "--out", out]);
    expect(code, stderr).toBe(0);
    const written = readdirSync(out);
    const pages = written.filter((name) => name !== "history.json");
    expect(pages).toHaveLength(branches.length + 1);
    expect(new Set(pages.map((page) => page.toLowerCase())).size).toBe(pages.length);
    expect(pages).toEqual(
      expect.arrayContaining(["main.html", "feature-x.html", "unknown.html", "(none).html"]),
    );
    expect(pages.filter((page) => /^feature-x~[0-9a-f]{16}\.html$|^日本語~/.test(page))).toHaveLength(2);
    expect(stdout.match(/: 1 run$/gm)).toHaveLength(branches.length);
    expect(stdout.match(/\(none\)\.html: 2 runs$/gm)).toHaveLength(1);
    expect(treeOf(join(out, ".."))).toEqual(["pages", ...written.map((page) => `pages/${page}`)].sort());
    const titled = pages.map(
      (page) => /<h1>softmax-bench: (.*)<\/h1>/.exec(readFileSync(join(out, page), "utf8"))?.[1],
    );
    expect(titled).toEqual(expect.arrayContaining(["feature/x", "feature-x", "日本語", "日本", "no branch"]));

    await call("history", ["--in", folder, "--out", out]);
    expect(readdirSync(out)).toEqual(written);
  });

  it("are written to a folder only: anything else is refused in one line", async () => {
    const runs = runsOf(formatResults(resultsOf({})));
    const { code, stderr } = await call("history", ["--in", runs, "--out", "/dev/null"]);
    expect(stderr).toMatch(/^history: cannot write to --out \/dev\/null: .*; choose another folder\n$/);
    expect(code).toBe(2);
  });

  it.each(["feature/x", "日本語/😀", "..", "\0", "a/b/../../c", "é", "e\u0301"])(
    "have a safe name for %j",
    (branch) => {
      const name = fileNameFor(branch);
      expect(basename(name)).toBe(name);
      expect(name).not.toMatch(/^[.-]|[\p{Cc}/\\]/u);
      expect(Buffer.byteLength(`${name}.html.1234567.partial`)).toBeLessThan(255);
      expect(isFileName(name) || name.includes("~")).toBe(true);
    },
  );

  it("tell texts apart that look alike", () => {
    expect(fileNameFor("é")).not.toBe(fileNameFor("e\u0301"));
  });
});

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { validateAction, validateWorkflow } from "@action-validator/core";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { ROOT } from "./root.js";

/** Other people's code that runs on GitHub with this repository's rights, and what it is told. */
const workflowsIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder)).map((name) => join(folder, name));
const WORKFLOWS = [".github/workflows", "deploy/github-actions"].flatMap(workflowsIn);
const ACTION = "action.yml";

/** Nothing here writes to the repository; a job that must is listed with its reason. */
const MORE_RIGHTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  // Publishing signs a statement of where packages come from, with the identity of its job.
  ".github/workflows/release.yml publish": { "id-token": "write" },
  // A gate comments on the pull request.
  "deploy/github-actions/gate.yml gate": { "pull-requests": "write" },
};

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

const step = z.looseObject({
  env: z.record(z.string(), z.unknown()).default({}),
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).default({}),
});
type Step = z.output<typeof step>;
const permissions = z.record(z.string(), z.string());
const workflow = z.object({
  permissions,
  jobs: z.record(z.string(), z.looseObject({ permissions, steps: z.array(step) })),
});
const action = z.object({ runs: z.object({ steps: z.array(step) }) });

const stepsIn = (file: string, text = read(file)): Step[] =>
  file === ACTION
    ? action.parse(parse(text)).runs.steps
    : Object.values(workflow.parse(parse(text)).jobs).flatMap(({ steps }) => steps);

/** Actions from elsewhere, as `owner/name@revision`. */
const foreign = (file: string): string[] =>
  stepsIn(file).flatMap(({ uses }) => (uses === undefined || uses.startsWith("./") ? [] : [uses]));

/** Scripts into which GitHub would paste a value before the shell reads them: a title or a branch may hold commands. */
const pasted = (steps: readonly Step[]): string[] =>
  steps
    .flatMap((one) => [one.run, one.with.script].filter((script) => /\$\{\{/.test(String(script))))
    .map(String);

describe("the workflow release", () => {
  const steps = stepsIn(".github/workflows/release.yml");
  const usesSecret = (one: Step): boolean => JSON.stringify(one).includes("secrets.");

  it("has the token in its last step only, which publishes and runs no script of a package", () => {
    expect(steps.filter(usesSecret)).toEqual(steps.slice(-1));
    const run = steps.at(-1)?.run ?? "";
    // As `pnpm release` does after building, which the tests of a registry try.
    const [, publish = ""] =
      /pnpm( --recursive publish .*)$/.exec(JSON.parse(read("package.json")).scripts.release) ?? [];
    expect(run).toContain(`${publish} --provenance `);
    expect(run).toContain(" --ignore-scripts");
    expect(run).not.toMatch(/\b(?:install|build|test|exec|run)\b/);
  });

  it("tests before it publishes", () => {
    expect(steps.findIndex(({ run }) => run === "bash .ci/run")).toBeGreaterThan(0);
  });
});

describe.each(WORKFLOWS)("the workflow %s", (file) => {
  it("is one by GitHub's published schema", () => {
    expect(validateWorkflow(read(file)).errors).toEqual([]);
  });

  it("gives every job the rights that it names, and no other", () => {
    const { permissions: all, jobs } = workflow.parse(parse(read(file)));
    expect(all).toEqual({});
    for (const [name, job] of Object.entries(jobs)) {
      expect(job.permissions).toEqual({ contents: "read", ...MORE_RIGHTS[`${file} ${name}`] });
    }
  });

  it("leaves no token in a checkout, for what is run there to find", () => {
    const checkouts = stepsIn(file).filter(({ uses }) => uses?.startsWith("actions/checkout@"));
    expect(checkouts.map((one) => one.with["persist-credentials"])).toEqual(checkouts.map(() => false));
  });
});

it.each([".github/workflows/bench.yml", "deploy/github-actions/gate.yml"])(
  "the gate of %s ends before its job is cancelled, and so says what it has found",
  (file) => {
    const job = workflow.parse(parse(read(file))).jobs.gate;
    const limits = job?.steps.flatMap(({ run, with: inputs }) => [
      ...(/--time (\d+)m/.exec(run ?? "")?.slice(1) ?? []),
      ...(/^(\d+)m$/.exec(String(inputs.time))?.slice(1) ?? []),
    ]);
    expect(limits).toHaveLength(1);
    expect(Number(limits?.[0])).toBeLessThan(Number(job?.["timeout-minutes"]) / 2);
  },
);

it("action.yml is an action by GitHub's published schema", () => {
  expect(validateAction(read(ACTION)).errors).toEqual([]);
});

describe.each([...WORKFLOWS, ACTION])("%s", (file) => {
  it("names actions by their whole commit, and the version for people: a tag can be moved", () => {
    for (const uses of foreign(file)) expect(uses).toMatch(/^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/);
    const lines = read(file).match(/^.*\buses: (?!\.\/).*$/gm) ?? [];
    expect(lines).toHaveLength(foreign(file).length);
    for (const line of lines) expect(line).toMatch(/@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it("has no value of GitHub's pasted into a script: it comes as an environment variable", () => {
    expect(pasted(stepsIn(file))).toEqual([]);
  });
});

describe("the rules for workflows", () => {
  it("are broken by a value in a script of either kind, on any line", () => {
    const pastedIn = (yaml: string) => pasted(z.array(step).parse(parse(yaml)));
    const value = (path: string) => `$\{{ ${path} }}`;
    const broken = [
      `- run: echo ${value("inputs.baseline")}`,
      `- run: |\n    true\n    echo '${value("github.event.pull_request.title")}'`,
      `- uses: actions/github-script@v7\n  with:\n    script: return '${value("github.head_ref")}'`,
    ];
    for (const yaml of broken) expect(pastedIn(yaml)).toHaveLength(1);
    const asVariable = `- run: echo "$TITLE"\n  env:\n    TITLE: ${value("github.event.pull_request.title")}`;
    expect(pastedIn(asVariable)).toEqual([]);
  });

  it("know one commit of each version of an action", () => {
    const pins = [...WORKFLOWS, ACTION].flatMap(
      (file) => read(file).match(/(?<=uses: )[^@\s]+@[0-9a-f]{40} # \S+/g) ?? [],
    );
    // `actions/cache/save` is part of `actions/cache`.
    const versions = new Map<string, Set<string>>();
    for (const pin of pins) {
      const [, repository = "", commit = ""] = /^([^/]+\/[^/@]+)[^@]*@(\S+ # \S+)$/.exec(pin) ?? [];
      versions.set(repository, (versions.get(repository) ?? new Set()).add(commit));
    }
    expect([...versions.values()].filter((commits) => commits.size > 1)).toEqual([]);
    expect(versions.size).toBeGreaterThan(0);
  });
});

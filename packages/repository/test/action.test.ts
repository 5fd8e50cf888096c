import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { runSteps, stepsOfAction } from "./action-steps.js";

/** The shell steps of the action, with a program in the place of the gate. */
function actionIn() {
  const parent = mkdtempSync(join(tmpdir(), "softmax-bench-action-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const [folder, bin, cache] = ["repository", "bin", "cache"].map((name) => {
    mkdirSync(join(parent, name));
    return join(parent, name);
  }) as [string, string, string];
  const git = (...args: readonly string[]): string =>
    execFileSync("git", ["-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.org", ...args], {
      encoding: "utf8",
    }).trim();
  git("init", "-q", "-b", "main");
  git("commit", "-qm", "first", "--allow-empty");
  const commit = git("rev-parse", "HEAD");
  /** @param gate a script, with the folder of an outcome in `made` */
  const run = (gate: string, context: Readonly<Record<string, string>> = {}) => {
    const script = `#!/bin/bash
case " $* " in *" --version "*) exit ;; esac
made=bench-results/2026010${readdirSync(folder).length}-000000-gate
${gate}
`;
    writeFileSync(join(bin, "npx"), script, { mode: 0o755 });
    const { steps, inputs } = stepsOfAction();
    return runSteps(
      steps,
      folder,
      { ...inputs, "inputs.baseline": "main", ...context },
      {
        PATH: `${bin}:${process.env.PATH}`,
        HOME: parent,
        SOFTMAX_BENCH_CACHE: cache,
        RUNNER_OS: "Linux",
        RUNNER_ARCH: "X64",
      },
    );
  };
  return { run, folder, cache, commit };
}

const write = (outcome: string) =>
  `mkdir -p $made && echo '{\n  "outcome": "${outcome}",\n  "exitCode": 0\n}' > $made/outcome.json`;

describe("the action", () => {
  it("has the outcome's word and folder of its own gate, and not of one before it", async () => {
    const { run, folder } = actionIn();
    const first = await run(write("inconclusive"));
    expect(first.outputs).toMatchObject({
      "steps.gate.outputs.exit-code": "0",
      "steps.gate.outputs.outcome": "inconclusive",
      "steps.gate.outputs.folder": expect.stringMatching(/\/repository\/bench-results\/\d+-000000-gate$/),
    });
    const failed = await run("exit 2");
    expect(failed.code).toBe(2);
    expect(failed.outputs).not.toHaveProperty(["steps.gate.outputs.folder"]);
    expect(failed.outputs).not.toHaveProperty(["steps.gate.outputs.outcome"]);
    writeFileSync(join(folder, "other"), "");
    const third = await run(`${write("regression")}; exit 1`);
    expect(third.outputs["steps.gate.outputs.outcome"]).toBe("regression");
    expect(third.code).toBe(1);
  });

  it("keeps a baseline that was built, and nothing under its key where none was", async () => {
    const { run, cache, commit } = actionIn();
    const folder = `"$SOFTMAX_BENCH_CACHE"/revision-${commit}`;
    const without = await run("true");
    expect(without.outputs).not.toHaveProperty(["steps.gate.outputs.revision"]);
    const killed = await run(`mkdir ${folder}.1.partial; exit 2`);
    expect(killed.outputs).not.toHaveProperty(["steps.gate.outputs.revision"]);
    const built = await run(`sleep 0.1; mkdir ${folder}`);
    expect(built.outputs["steps.gate.outputs.revision"]).toBe("true");
    expect(readdirSync(cache)).toContain(`revision-${commit}`);
    // Another one of the same job has its own, which this is not.
    const other = await run("exit 2");
    expect(other.outputs).not.toHaveProperty(["steps.gate.outputs.revision"]);
  });

  it("keeps parts under a key of which they are, unless they were restored", async () => {
    const { run } = actionIn();
    const first = await run('sleep 0.1; mkdir "$SOFTMAX_BENCH_CACHE"/libtensorflow');
    const key = first.outputs["steps.gate.outputs.parts"] ?? "";
    expect(key).toMatch(/^softmax-bench-Linux-X64-v.*-parts-[0-9a-f]{12}-[0-9a-f]{12}$/);
    const restored = { "steps.parts.outputs.cache-matched-key": key };
    expect((await run("true", restored)).outputs).not.toHaveProperty(["steps.gate.outputs.parts"]);
    const more = await run('mkdir "$SOFTMAX_BENCH_CACHE"/more', restored);
    expect(more.outputs["steps.gate.outputs.parts"]).not.toBe(key);
  });

  it("keeps digests that a gate left, apart for each selection, folder and preparation", async () => {
    const { run } = actionIn();
    const none = await run("true");
    expect(none.outputs).not.toHaveProperty(["steps.gate.outputs.digests"]);
    const some = await run(
      'sleep 0.1; mkdir "$SOFTMAX_BENCH_CACHE"/digests; touch "$SOFTMAX_BENCH_CACHE"/digests/1.json',
    );
    expect(some.outputs["steps.gate.outputs.digests"]).toBe("true");
    const contexts: Readonly<Record<string, string>>[] = [
      {},
      { "inputs.prepare": "npm ci" },
      { "inputs.directory": "./" },
      { "inputs.selection": "--error-only" },
    ];
    const keys: { readonly digests: string | undefined; readonly revision: string | undefined }[] = [];
    for (const context of contexts) {
      const { outputs } = await run("true", context);
      keys.push({
        digests: outputs["steps.baseline.outputs.selected"],
        revision: outputs["steps.baseline.outputs.revision"],
      });
    }
    expect(new Set(keys.map(({ digests }) => digests)).size).toBe(4);
    // What is built does not depend on the cells that are compared.
    expect(new Set(keys.map(({ revision }) => revision)).size).toBe(3);
  });
});

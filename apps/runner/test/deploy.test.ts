import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { validateWorkflow } from "@action-validator/core";
import { Job } from "kubernetes-models/batch/v1/Job";
import { PersistentVolumeClaim } from "kubernetes-models/v1/PersistentVolumeClaim";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";
import { canUnshare, childrenOf, MAIN, onlyRun, spawned, temporaryFolder } from "./support/cli.js";
import { commandHere } from "./support/image.js";

const deployed = (file: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../deploy/${file}`, import.meta.url)), "utf8");

const packageManager = z
  .object({ packageManager: z.string() })
  .parse(
    JSON.parse(readFileSync(fileURLToPath(new URL("../../../package.json", import.meta.url)), "utf8")),
  ).packageManager;

/**
 * In the place of a checkout: a folder with this one's command line and a configuration that makes the matrix small. It is
 * installed and built already, so that its `npx` does nothing for the commands that do that, and fails for any other.
 */
function smallCheckout(): { folder: string; env: NodeJS.ProcessEnv } {
  const folder = temporaryFolder();
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(
    join(folder, "bench.config.ts"),
    `export default { profile: "smoke", backends: ["tfjs-wasm", "jax-js"], dtypes: ["float32"], workloads: ["2x2"] };`,
  );
  writeFileSync(
    join(bin, "npx"),
    `#!/bin/sh\ncase "$*" in "-y ${packageManager} install --frozen-lockfile" | "-y ${packageManager} build") ;; *) exit 99 ;; esac\n`,
  );
  chmodSync(join(bin, "npx"), 0o755);
  symlinkSync(join(MAIN, "..", "..", ".."), join(folder, "apps"));
  return { folder, env: { PATH: `${bin}:${process.env.PATH}` } };
}

/** The number of cells of a whole small matrix. */
function expectWhole(out: string, shards: number): void {
  const { run, cells, distances } = onlyRun(out).results();
  expect(run).toMatchObject({ status: "complete", merged: { missing: [] }, cellsPlanned: 20 });
  expect(run.merged?.runs).toHaveLength(shards);
  expect(cells.map(({ status }) => status)).toEqual(Array(20).fill("ok"));
  expect(distances).toHaveLength(10);
}

const container = z.object({
  args: z.array(z.string()),
  env: z.array(z.object({ name: z.string(), value: z.string() })).default([]),
});
const job = z.object({
  kind: z.literal("Job"),
  spec: z.object({
    completions: z.int().default(1),
    parallelism: z.int().default(1),
    completionMode: z.string().default("NonIndexed"),
    template: z.object({ spec: z.object({ containers: z.tuple([container]) }) }),
  }),
});

const quantities = z.object({ cpu: z.string(), memory: z.string(), "ephemeral-storage": z.string() });

const pod = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        automountServiceAccountToken: z.boolean(),
        securityContext: z.looseObject({ runAsUser: z.int(), fsGroup: z.int() }),
        volumes: z.array(z.looseObject({ name: z.string() })),
        initContainers: z.array(z.unknown()).default([]),
        containers: z.array(
          z.object({
            image: z.string(),
            securityContext: z.unknown(),
            resources: z.object({ requests: quantities, limits: quantities }),
            volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
          }),
        ),
      }),
    }),
  }),
});
const podOf = (document: unknown) => pod.parse(document).spec.template.spec;

/** Bytes of a quantity as `1Gi`. */
function bytesOf(quantity: string): number {
  const [, number, unit = ""] = /^(\d+)(Ki|Mi|Gi)$/.exec(quantity) ?? [];
  return Number(number) * 1024 ** (["Ki", "Mi", "Gi"].indexOf(unit) + 1);
}

/** Ten cells of a few hundred milliseconds each. */
const SLOW = `export default { profile: "smoke", backends: ["tfjs-wasm"], dtypes: ["float32"], workloads: ["700x700"] };`;

const documents = (file: string): unknown[] =>
  parseAllDocuments(deployed(`kubernetes/${file}`)).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });

describe("deploy/kubernetes", () => {
  const [claim, shards] = documents("shards.yaml");
  const [merging] = documents("merge.yaml");
  const [gpuClaim, gpu] = documents("gpu.yaml");

  it("is what Kubernetes' API takes", () => {
    type Constructed<T extends abstract new (...args: never) => unknown> = ConstructorParameters<T>[0];
    for (const document of [claim, gpuClaim]) {
      expect(() =>
        new PersistentVolumeClaim(document as Constructed<typeof PersistentVolumeClaim>).validate(),
      ).not.toThrow();
    }
    for (const document of [shards, merging, gpu]) {
      expect(() => new Job(document as Constructed<typeof Job>).validate()).not.toThrow();
    }
    // The validation is one: it knows the types of fields.
    const broken = { ...job.parse(shards), spec: { completions: "four" } } as unknown;
    expect(() => new Job(broken as Constructed<typeof Job>).validate()).toThrow(/completions/);
  });

  it("suspends the session on a GPU until its files are there, by the same commands in both places", () => {
    expect(gpu).toMatchObject({ kind: "Job", spec: { suspend: true } });
    const commandsIn = (text: string) =>
      (text.match(/(?<=^(?:# {3})?)kubectl .*$/gm) ?? []).map((line) => line.replace(/ +#.*/, ""));
    const commands = commandsIn(deployed("kubernetes/gpu.yaml"));
    const job = (gpu as { metadata: { name: string } }).metadata.name;
    expect(commands.map((line) => line.split(" ")[1])).toEqual(["apply", "cp", "delete", "patch"]);
    expect(commands.at(-1)).toBe(`kubectl patch job ${job} --patch '{"spec":{"suspend":false}}'`);
    expect(commandsIn(deployed("../docs/gpu.md"))).toEqual(commands);
  });

  it("measures every shard in a pod of its own, and joins them", { tags: "nightly" }, async () => {
    const { spec } = job.parse(shards);
    const [bench] = spec.template.spec.containers;
    const { folder, env } = smallCheckout();
    const here = (args: readonly string[]) =>
      commandHere(args.map((word) => word.replace(/^\/results/, join(folder, "results"))));
    expect(spec.completionMode).toBe("Indexed");
    const pods = Array.from({ length: spec.completions }, (_, index) => {
      const given = Object.fromEntries(bench.env.map(({ name, value }) => [name, value]));
      return spawned(here(bench.args), {
        cwd: folder,
        env: { ...env, ...given, JOB_COMPLETION_INDEX: String(index) },
      }).ended;
    });
    for (const { code, stderr } of await Promise.all(pods)) expect(code, stderr).toBe(0);

    const [merge] = job.parse(merging).spec.template.spec.containers;
    const { code, stderr } = await spawned(here(merge.args), { cwd: folder, env }).ended;
    expect(code, stderr).toBe(0);
    expectWhole(join(folder, "results", "merged"), spec.completions);
  });

  it.runIf(canUnshare)(
    "has written its results when a pod is deleted: its command gets the signal as process 1",
    { tags: "nightly" },
    async () => {
      const { spec } = job.parse(shards);
      const [bench] = spec.template.spec.containers;
      const { folder, env } = smallCheckout();
      writeFileSync(join(folder, "bench.config.ts"), SLOW);
      const running = spawned(
        [
          "unshare",
          "--pid",
          "--fork",
          "--mount-proc",
          ...commandHere(bench.args.map((word) => word.replace(/^\/results/, join(folder, "results")))),
        ],
        { cwd: folder, env: { ...env, JOB_COMPLETION_INDEX: "0", SHARD_COUNT: "1" } },
      );
      await running.says("[2/10]");
      const [first = 0] = childrenOf(running.child.pid as number);
      process.kill(first, "SIGTERM");
      const { code, stderr } = await running.ended;
      expect(code, stderr).toBe(130);
      const { run, cells } = onlyRun(join(folder, "results")).results();
      expect(run.status).toBe("interrupted");
      expect(cells.length).toBeGreaterThanOrEqual(2);
    },
  );

  it.each([
    ["shards.yaml", () => shards],
    ["gpu.yaml", () => gpu],
  ])(
    "%s gives its measuring pods memory for the arrays of seed-3200 in float64, where Docker's default has 64 MiB",
    (_, document) => {
      const { volumes, containers } = podOf(document());
      const [bench] = containers;
      const mounted = bench?.volumeMounts.find(({ mountPath }) => mountPath === "/dev/shm");
      const volume = volumes.find(({ name }) => name === mounted?.name);
      const { emptyDir } = z
        .object({ emptyDir: z.object({ medium: z.literal("Memory"), sizeLimit: z.string() }) })
        .parse(volume);
      const matrix = 3200 * 3200 * Float64Array.BYTES_PER_ELEMENT;
      const labels = 3200 * Int32Array.BYTES_PER_ELEMENT;
      const [inputs, results] = [matrix + labels, matrix + Float64Array.BYTES_PER_ELEMENT];
      expect(bytesOf(emptyDir.sizeLimit)).toBeGreaterThan(inputs + results);
      // Such a volume counts as memory of the pod.
      expect(bytesOf(bench?.resources.limits.memory ?? "")).toBeGreaterThan(4 * bytesOf(emptyDir.sizeLimit));
    },
  );

  // What the strictest of Kubernetes' Pod Security Standards, "restricted", asks for, and a read-only root.
  it.each([
    // The image of deploy/Dockerfile, under whatever name the reader gives it.
    ["shards.yaml", "softmax-bench", () => shards],
    ["merge.yaml", "softmax-bench", () => merging],
    // Everything is in the bundle.
    ["gpu.yaml", "debian:bookworm-slim", () => gpu],
  ])("%s gives its pods no rights that they do not need", (_, usual, document) => {
    const { securityContext, automountServiceAccountToken, initContainers, containers, volumes } = podOf(
      document(),
    );
    expect(securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(securityContext.runAsUser).toBeGreaterThan(0);
    expect(securityContext.fsGroup).toBeGreaterThan(0);
    expect(automountServiceAccountToken).toBe(false);
    expect(initContainers).toEqual([]);
    expect(containers.map(({ image }) => image)).toEqual(containers.map(() => usual));
    expect(containers.map((one) => one.securityContext)).toEqual(
      containers.map(() => ({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      })),
    );
    for (const { resources } of containers) expect(resources.requests).toEqual(resources.limits);
    // Nothing of the node's.
    for (const volume of volumes) expect(volume).not.toHaveProperty("hostPath");
  });
});

const step = z.object({ run: z.string().optional(), env: z.record(z.string(), z.string()).default({}) });
const workflow = z.object({
  jobs: z.object({
    shard: z.object({
      strategy: z.object({ matrix: z.object({ shard: z.array(z.int()) }) }),
      steps: z.array(step),
    }),
    merge: z.object({ steps: z.array(step) }),
  }),
});

describe("deploy/github-actions", () => {
  const content = deployed("github-actions/bench-shards.yml");

  it("is a workflow by its published schema, and its jobs need each other", () => {
    const errorsOf = (text: string): unknown => validateWorkflow(text).errors;
    expect(errorsOf(content)).toEqual([]);
    expect(errorsOf(content.replace("runs-on", "runs-where"))).not.toEqual([]);
    expect(errorsOf(content.replace("needs: shard", "needs: shards"))).toMatchObject([
      { code: "unresolved_job" },
    ]);
  });

  it("measures every shard in a job of its own, and joins them", { tags: "nightly" }, async () => {
    const { shard, merge } = workflow.parse(parse(content)).jobs;
    const total = shard.strategy.matrix.shard.length;
    const { folder, env } = smallCheckout();
    const runSteps = async (
      steps: readonly z.output<typeof step>[],
      cwd: string,
      context: Record<string, string>,
    ) => {
      for (const { run: script, env: given } of steps) {
        if (script === undefined) continue;
        const values = Object.entries(given).map(([variable, value]) => [
          variable,
          value.replaceAll(/\$\{\{ ([\w.-]+) \}\}/g, (_, path: string) => context[path] ?? "unknown"),
        ]);
        const { code, stderr } = await spawned(["bash", "-ec", script], {
          cwd,
          env: { ...env, ...Object.fromEntries(values), GITHUB_STEP_SUMMARY: join(folder, "summary.md") },
        }).ended;
        expect(code, stderr).toBe(0);
      }
    };
    for (let index = 0; index < total; index++) {
      const context = { "strategy.job-index": String(index), "strategy.job-total": String(total) };
      await runSteps(shard.steps, folder, context);
      // What uploading and downloading artifacts amounts to.
      cpSync(join(folder, "bench-results"), join(folder, "shards", `shard-${index}`), { recursive: true });
      execFileSync("rm", ["-r", join(folder, "bench-results")]);
    }
    await runSteps(merge.steps, folder, {});
    expectWhole(join(folder, "merged"), total);
    expect(readFileSync(join(folder, "summary.md"), "utf8")).toContain("merged from");
  });
});

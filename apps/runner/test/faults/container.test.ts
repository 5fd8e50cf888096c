import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { canUnshare, childrenOf, onlyRun } from "../support/cli.js";
import { RESULTS, startInContainer, USER } from "../support/container.js";

/** The mounts of a hardened container besides a read-only root: Docker's 64 MiB of shared memory, and a tmpfs. */
const PLACES = { sharedMemory: "64m", temporary: "64m" };

const SMALL = ["bench", "--profile", "smoke", "--backend", "wasm-simd", "--workload", "16x10"];

/** Two arrays of 82 MB. */
const LARGE = [
  ...["bench", "--profile", "smoke", "--backend", "wasm-simd", "--method", "manual/fused"],
  ...["--workload", "seed-3200", "--dtype", "float64", "--out", RESULTS],
];

/** Backends that consist of JavaScript and WebAssembly: they work wherever Node does. */
const EVERYWHERE = ["tfjs-wasm", "tfjs-cpu", "onnxruntime-web", "jax-js", "wasm-simd"];

const lines = (text: string): string[] => text.trim().split("\n");

describe.runIf(canUnshare)("in a container with a read-only root, as a user without name and home", () => {
  it("the default command measures what it measures elsewhere", { tags: "nightly" }, async () => {
    const args = ["bench", "--profile", "smoke", "--workload", "2x2", "--out", RESULTS];
    const { out, ended } = startInContainer(args, PLACES);
    const { stderr } = await ended;
    const { path, results } = onlyRun(out);
    const { run, cells, backends } = results();
    expect(run.status, stderr).toBe("complete");
    expect(cells.filter(({ status }) => status !== "ok" && status !== "unsupported")).toEqual([]);
    const available = backends.filter(({ status }) => status === "available").map(({ id }) => id);
    expect(available).toEqual(expect.arrayContaining(EVERYWHERE));
    expect(statSync(join(path, "results.json")).uid).toBe(USER);
  });

  const expectMeasured = async (_: string, env: Readonly<Record<string, string>>) => {
    const { out, ended } = startInContainer([...SMALL, "--out", RESULTS], { ...PLACES, env });
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(0);
    const { path, results } = onlyRun(out);
    expect(results().run.status).toBe("complete");
    expect(statSync(join(path, "results.json")).uid).toBe(USER);
  };

  it.each([["that is not there", { HOME: "/nowhere" }]])(
    "a home folder %s is as good as none",
    expectMeasured,
  );

  it.each([
    ["that is empty", { HOME: "" }],
    ["that cannot be written to", { HOME: "/" }],
  ])("a home folder %s is as good as none", { tags: "nightly" }, expectMeasured);

  it("native parts that cannot be kept are one line, with the variable that helps", async () => {
    const args = ["provision", "tfjs-node-gpu"];
    const { code, stdout, stderr } = await startInContainer(args, PLACES).ended;
    expect(code).toBe(1);
    expect(stdout).toContain("/.cache/softmax-bench, or set SOFTMAX_BENCH_CACHE to a folder with space");
    expect(stdout + stderr).not.toContain("    at ");
  });

  it("a results folder that nobody mounted is one line", async () => {
    const { code, stderr } = await startInContainer(SMALL, PLACES).ended;
    expect(code).toBe(2);
    expect(stderr).toBe(
      "bench: cannot write to --out bench-results: EROFS: read-only file system, mkdir '/bench-results'; choose another folder\n",
    );
  });

  it("arrays that do not fit into 64 MiB of shared memory go through the temporary folder", {
    tags: "nightly",
  }, async () => {
    const { out, ended } = startInContainer(LARGE, { sharedMemory: "64m", temporary: "256m" });
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(0);
    expect(onlyRun(out).results().cells).toMatchObject([{ status: "ok" }]);
    expect(stderr).toMatch(/^\/dev\/shm is full \(64 MiB in all\): arrays go through files in \/tmp /m);
  });

  const expectNoRoom = async (_: string, args: readonly string[], sharedMemory: string, line: RegExp) => {
    const { code, stderr } = await startInContainer(args, { sharedMemory }).ended;
    expect(code).toBe(2);
    const last = lines(stderr).at(-1);
    expect(last).toMatch(line);
    expect(last).toMatch(/ in \/tmp \(EROFS: .*\): .*--shm-size or --tmpfs \/tmp\), or set TMPDIR$/);
    expect(stderr).not.toContain("    at ");
  };

  it.each([
    [
      "no shared memory",
      [...SMALL, "--out", RESULTS],
      "4k,ro",
      /^bench: no shared memory \(.*\), and no file /,
    ],
  ])("%s and no temporary folder are one line that says what is needed", expectNoRoom);

  it.each([
    ["64 MiB of shared memory", LARGE, "64m", /^bench: \/dev\/shm is full \(64 MiB in all\), and no file /],
  ])("%s and no temporary folder are one line that says what is needed", { tags: "nightly" }, expectNoRoom);

  it("SIGTERM ends the run with its results", { tags: "nightly" }, async () => {
    const slow = SMALL.with(4, "tfjs-cpu").with(6, "700x700");
    const running = startInContainer([...slow, "--out", RESULTS], PLACES);
    await running.says("[2/20]");
    const [first = 0] = childrenOf(running.child.pid as number);
    process.kill(first, "SIGTERM");
    const { code, stderr } = await running.ended;
    expect(code, stderr).toBe(130);
    expect(onlyRun(running.out).results().run.status).toBe("interrupted");
  });

  it("SIGTERM is not lost while the command is being loaded", async () => {
    const { out, ended } = startInContainer([...SMALL, "--out", RESULTS], {
      ...PLACES,
      env: { NODE_OPTIONS: `--import ${TERMINATED_WHILE_LOADING}` },
    });
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(130);
    expect(onlyRun(out).results()).toMatchObject({ cells: [], run: { status: "interrupted" } });
  });
});

const script = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`;

/** Sends the process SIGTERM when it begins to load the command. */
const TERMINATED_WHILE_LOADING = script(`
  import { register } from "node:module";
  register(${JSON.stringify(
    script(`
      export function load(url, context, next) {
        if (url.endsWith("/commands/bench.js")) process.kill(process.pid, "SIGTERM");
        return next(url, context);
      }
    `),
  )});
`);

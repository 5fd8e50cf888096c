import { setTimeout as sleep } from "node:timers/promises";
import { GRAPH_METHODS } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import { bench, call, onlyRun, start, temporaryFolder, workersOf } from "../support/cli.js";
import { isAlive, TINY, withFault } from "./support.js";

/** The one cell without a result among those of a run, all of which are there. */
function onlyBroken(out: string) {
  const { cells, distances } = onlyRun(out).results();
  expect(cells).toHaveLength(GRAPH_METHODS.length);
  const [broken, ...others] = cells.filter(({ status }) => status !== "ok");
  expect(others).toEqual([]);
  return { broken, cells, distances };
}

describe("a worker that goes wrong on one cell costs that cell only, and the cell says why", () => {
  const expectOneBroken = async (_: string, fault: string, status: string, reason: RegExp) => {
    const out = temporaryFolder();
    const flags = fault === "fill the heap" ? "--max-old-space-size=200" : "";
    const { code, stderr } = await bench([...TINY, "--out", out], { env: withFault(fault, { flags }) });
    const { broken, distances } = onlyBroken(out);
    expect(broken?.method).toBe("manual/naive");
    expect(broken?.status).toMatch(new RegExp(`^(${status})$`));
    expect(broken?.reason).toMatch(reason);
    expect(distances).toHaveLength(4);
    expect(code).toBe(1);
    expect(stderr).toContain(`1 of 10 results failed, crashed or timed out; the first: ${broken?.reason}`);

    const resumed = await call("bench", ["--resume", onlyRun(out).id, "--out", out]);
    expect(resumed.stderr).toContain("0 of 10 measurements to do");
    expect(onlyBroken(out).broken).toEqual(broken);
  };

  it.each([
    ["is killed", "SIGKILL", "crashed", /^the worker was killed by SIGKILL$/],
    ["writes garbage on the channel", "garbage", "crashed", /^invalid reply from the worker: "/],
  ])("if it %s", expectOneBroken);

  it.each([
    [
      "allocates until V8 ends it",
      "fill the heap",
      "crashed",
      /^the worker was killed by SIG\w+; it last printed: FATAL ERROR: .*heap out of memory$/,
    ],
    [
      "allocates until the system refuses",
      "fill memory",
      "crashed|failed",
      /allocation failed|out of memory|killed by SIG/i,
    ],
    ["exits with code 0", "exit 0", "crashed", /^the worker exited with code 0$/],
    ["answers something else", "other JSON", "crashed", /^invalid reply from the worker: readback: /],
    ["writes a line without end", "a line without end", "crashed", /^invalid reply from the worker: "xxx/],
    ["closes the channel", "close the channel", "crashed", /^the worker (closed its channel|exited|was)/],
    [
      "writes a megabyte on stderr and dies",
      "a megabyte on stderr, and die",
      "crashed",
      /^the worker was killed by SIGKILL; it last printed: .* 16381 16382 16383$/,
    ],
  ])("if it %s", { tags: "nightly" }, expectOneBroken);

  const expectTimeout = async (_: string, fault: string) => {
    const out = temporaryFolder();
    const { code } = await bench([...TINY, "--out", out], { env: withFault(fault) });
    expect(code).toBe(1);
    expect(onlyBroken(out).broken).toMatchObject({ status: "timeout", reason: "no result after 10 s" });
  };
  const whenOver = "if it %s: when the cell's time is over";
  it.each([["waits for ever", "hang"]])(whenOver, expectTimeout);
  it.each([
    ["is stopped", "SIGSTOP"],
    ["spins", "spin"],
    ["computes and does not answer", "mute"],
  ])(whenOver, { tags: "nightly" }, expectTimeout);

  it("unless all it does is write a megabyte on stderr: then the cell is there", {
    tags: "nightly",
  }, async () => {
    const out = temporaryFolder();
    const { code } = await bench([...TINY, "--out", out], { env: withFault("a megabyte on stderr") });
    expect(code).toBe(0);
    expect(onlyBroken(out).broken).toBeUndefined();
  });
});

describe("a worker whose parent is killed", () => {
  it("is gone at once, even if it spins", async () => {
    const out = temporaryFolder();
    const running = start(["bench", ...TINY, "--out", out], { env: withFault("spin") });
    await running.says("[1/10]");
    await sleep(300);
    const [worker = 0] = workersOf(running);
    expect(isAlive(worker)).toBe(true);
    running.child.kill("SIGKILL");
    await expect.poll(() => isAlive(worker)).toBe(false);
  });
});

describe("a backend that lacks a method", () => {
  const measure = async (lacked: string) => {
    const out = temporaryFolder();
    const args = [
      "--profile",
      "smoke",
      "--backend",
      "wasm-simd",
      "--method",
      "manual/*",
      "--dtype",
      "float32",
    ];
    const ended = await call("bench", [...args, "--workload", "2x2", "--threads", "1", "--out", out], {
      env: withFault(`wasm-simd lacks ${lacked}`),
    });
    return { ...ended, results: onlyRun(out).results() };
  };

  it("has the others, although it is the one that a start is timed with", async () => {
    const { code, results } = await measure("manual/shifted");
    expect(code).toBe(0);
    expect(results.backends).toMatchObject([{ id: "wasm-simd", status: "available" }]);
    const byMethod = Object.fromEntries(results.cells.map((cell) => [cell.method, cell]));
    expect(byMethod["manual/exact-target"]?.status).toBe("ok");
    expect(byMethod["manual/shifted"]?.status).toBe("unsupported");
    expect(byMethod["manual/shifted"]?.reason).not.toMatch(/unavailable|install/);
  });

  it("and every other one is unavailable for that, and installing it again would not help", {
    tags: "nightly",
  }, async () => {
    const { code, results, stderr } = await measure("manual/shifted,manual/exact-target,manual/fused");
    expect(code).toBe(1);
    const [backend] = results.backends;
    expect(backend?.reason).toMatch(/^it has none of the methods autograd\/naive, /);
    expect(backend?.remedy).toBe("choose another backend, or give its adapter a method");
    expect(stderr).not.toContain("install --force");
  });
});

describe("a backend that fails while it starts", () => {
  const expectRemedy = async (what: string, reason: RegExp, remedy: RegExp) => {
    const out = temporaryFolder();
    const args = ["--profile", "smoke", "--backend", "wasm-simd", "--method", "manual/fused"];
    const { code, stderr } = await call(
      "bench",
      [...args, "--workload", "2x2", "--no-provision", "--out", out],
      {
        env: withFault(`the backend ${what}`),
      },
    );
    const [backend] = onlyRun(out).results().backends;
    expect(backend?.reason).toMatch(reason);
    expect(backend?.remedy).toMatch(remedy);
    expect(stderr).not.toContain("install --force");
    expect(code).toBe(1);
  };
  const claim = "if it %s, is told so with a remedy of its own";
  it.each([
    ["throws", /^boom is not a function$/, /^repair what throws it: \/.*fault\.mjs:\d+:\d+$/],
    [
      "prints into the channel",
      /^invalid reply from the worker: "hello"$/,
      /^keep its code from using file descriptor 3/,
    ],
  ])(claim, expectRemedy);
  it.each([
    [
      "exits",
      /^the worker exited with code 0$/,
      /^find out what ends its process: NODE_OPTIONS=--trace-exit /,
    ],
    ["is killed", /^the worker was killed by SIGKILL$/, /^give the machine or the container more memory/],
  ])(claim, { tags: "nightly" }, expectRemedy);
});

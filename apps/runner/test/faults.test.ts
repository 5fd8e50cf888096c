import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { METHODS } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import { bench, onlyRun, type Running, start, temporaryFolder, workersOf } from "./support/cli.js";

/** Ten cells of a few hundred milliseconds each. */
const arguments_ = (out: string) => [
  ...["--profile", "smoke", "--backend", "tfjs-wasm", "--dtype", "float32"],
  ...["--workload", "700x700", "--out", out],
];

/** Sends a signal to the worker while the third cell is being measured. */
async function signalWorkerInMidCell(running: Running, signal: NodeJS.Signals): Promise<void> {
  await running.says("[2/10]");
  await sleep(30);
  const [worker] = workersOf(running);
  process.kill(worker as number, signal);
}

const scratchFolders = (): string[] =>
  [tmpdir(), "/dev/shm"].flatMap((folder) =>
    readdirSync(folder).filter((name) => name.startsWith("softmax-bench-")),
  );

const cellLines = (journal: string): string[] =>
  readFileSync(journal, "utf8")
    .split("\n")
    .filter((line) => line.startsWith('{"type":"cell"'));

describe("a worker that dies", () => {
  it("costs its cell only: kill -9", async () => {
    const out = temporaryFolder();
    const running = start(["bench", ...arguments_(out)]);
    await signalWorkerInMidCell(running, "SIGKILL");
    const { code, stderr } = await running.ended;

    const { cells } = onlyRun(out).results();
    const [crashed, ...others] = cells.filter(({ status }) => status !== "ok");
    expect(cells).toHaveLength(METHODS.length);
    expect(crashed).toMatchObject({ status: "crashed", reason: "the worker was killed by SIGKILL" });
    expect(others).toEqual([]);
    expect(stderr).toContain("1 of 10 results failed, crashed or timed out");
    expect(code).toBe(1);
  });

  it("is given up after the cell's time when it hangs", async () => {
    const out = temporaryFolder();
    const running = start(["bench", ...arguments_(out)]);
    await signalWorkerInMidCell(running, "SIGSTOP");
    await running.ended;

    const { cells } = onlyRun(out).results();
    const [stuck, ...others] = cells.filter(({ status }) => status !== "ok");
    expect(cells).toHaveLength(METHODS.length);
    expect(stuck).toMatchObject({
      status: "timeout",
      reason: expect.stringMatching(/^no result after 10 s/),
    });
    expect(others).toEqual([]);
  });
});

describe("a run that is stopped", () => {
  it.each(["SIGINT", "SIGTERM"] as const)(
    "by %s keeps what it has, and --resume measures the rest",
    async (signal) => {
      const out = temporaryFolder();
      const running = start(["bench", ...arguments_(out)]);
      await running.says("[3/10]");
      running.child.kill(signal);
      const { code, stderr } = await running.ended;
      const run = onlyRun(out);
      const before = cellLines(run.journal);
      expect(code).toBe(130);
      expect(stderr).toContain(`continue with: pnpm bench --resume ${run.id}`);
      expect(run.results().run).toMatchObject({ status: "interrupted", cellsPlanned: METHODS.length });
      expect(run.results().cells).toHaveLength(before.length);
      expect(before.length).toBeGreaterThanOrEqual(3);
      expect(before.length).toBeLessThan(METHODS.length);

      const resumed = await bench(["--resume", run.id, "--out", out]);
      const after = cellLines(run.journal);
      expect(resumed.code).toBe(0);
      expect(after.slice(0, before.length)).toEqual(before);
      expect(after).toHaveLength(METHODS.length);
      expect(run.results().run.status).toBe("complete");
      expect(run.results().distances).toHaveLength(5);
    },
  );

  it("by kill -9 leaves no worker and no file behind, and can be resumed without its torn last line", async () => {
    const out = temporaryFolder();
    const before = scratchFolders();
    const running = start(["bench", ...arguments_(out)]);
    await running.says("[3/10]");
    const [worker] = workersOf(running);
    running.child.kill("SIGKILL");
    await running.ended;
    expect(scratchFolders()).toEqual(before);
    const run = onlyRun(out);
    appendFileSync(run.journal, '{"type":"cell","round":0,"backe');

    const { code, stderr } = await bench(["--resume", run.id, "--out", out]);
    expect(code).toBe(0);
    expect(stderr).toContain("dropped an unfinished last line (31 bytes)");
    expect(run.results().cells).toHaveLength(METHODS.length);
    expect(run.results().cells.every(({ status }) => status === "ok")).toBe(true);
    expect(run.results().distances).toHaveLength(5);
    expect(existsSync(`/proc/${worker}`)).toBe(false);
  });

  it("by a full disk says so in one line, keeps whole lines only, and can be resumed", async () => {
    const out = temporaryFolder();
    const args = ["--profile", "smoke", "--backend", "onnxruntime-cpu", "--workload", "4x3", "--out", out];
    const { code, stderr } = await bench(args, { fileSizeLimit: 24 });
    const run = onlyRun(out);
    expect(code).toBe(2);
    expect(stderr.trim().split("\n").at(-1)).toMatch(
      new RegExp(
        `^bench: E\\w+: .* while writing to .*; mend that and continue with: .* --resume ${run.id}$`,
      ),
    );
    expect(stderr).not.toContain("    at ");
    expect(readFileSync(run.journal, "utf8").endsWith("\n")).toBe(true);

    const resumed = await bench(["--resume", run.id, "--out", out]);
    expect(resumed.code).toBe(0);
    expect(resumed.stderr).not.toContain("dropped");
    expect(run.results().cells).toHaveLength(2 * METHODS.length);
  });

  it("and damaged in the middle of its journal is refused, naming the line", async () => {
    const out = temporaryFolder();
    const args = ["--backend", "tfjs-wasm,onnxruntime-cpu", "--method", "manual/fused", "--workload", "2x2"];
    await bench(["--profile", "smoke", ...args, "--out", out]);
    const run = onlyRun(out);
    const lines = readFileSync(run.journal, "utf8").split("\n");
    lines[2] = `${lines[2]?.slice(0, 20)}`;
    writeFileSync(run.journal, lines.join("\n"));
    const { code, stderr } = await bench(["--resume", run.id, "--out", out]);
    expect(code).toBe(2);
    expect(stderr).toContain("journal.jsonl:3: not JSON; the journal is damaged");
  });

  it("has nothing left to do once it is complete", async () => {
    const out = temporaryFolder();
    const args = ["--backend", "tfjs-wasm,onnxruntime-cpu", "--method", "manual/fused", "--workload", "2x2"];
    await bench(["--profile", "smoke", ...args, "--out", out]);
    const run = onlyRun(out);
    const { code, stderr } = await bench(["--resume", run.id, "--out", out]);
    expect(code).toBe(0);
    expect(stderr).toContain("0 of 4 measurements to do");
  });
});

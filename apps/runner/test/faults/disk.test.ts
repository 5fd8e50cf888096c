import { execFileSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GRAPH_METHODS } from "@softmax-bench/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { bench, call, onlyRun, run, temporaryFolder } from "../support/cli.js";
import { cellLines, TINY } from "./support.js";

/** True if this user may mount file systems here: root, outside a container that forbids it. */
const canMount = (() => {
  try {
    execFileSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

/** A small disk, gone after the test. */
function smallDisk(kib: number): string {
  const folder = temporaryFolder();
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${kib}k`, "tmpfs", folder]);
  onTestFinished(() => {
    execFileSync("umount", ["--lazy", folder]);
  });
  return folder;
}

/** Fills a disk but for some KiB. */
function fill(disk: string, leaveKib: number): void {
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(join(disk, "full"), Buffer.alloc(Math.max(0, bavail * bsize - leaveKib * 1024)));
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";

/** A run that a disk without room has stopped says so in one line, and goes on where there is room. */
async function expectStopped(
  out: string,
  ended: { code: number | null; stderr: string },
  makeRoom: () => void,
) {
  const run = onlyRun(out);
  expect(ended.code).toBe(2);
  expect(lastLine(ended.stderr)).toMatch(
    new RegExp(
      `^bench: E\\w+: .* while writing to .*; mend that and continue with: pnpm bench --resume ${run.id} --out ${out}$`,
    ),
  );
  expect(ended.stderr).not.toContain("    at ");
  expect(readFileSync(run.journal, "utf8").endsWith("\n")).toBe(true);
  const before = cellLines(run.journal);
  makeRoom();
  const resumed = await call("bench", ["--resume", run.id, "--out", out]);
  expect(resumed.code).toBe(0);
  expect(resumed.stderr).not.toContain("dropped");
  expect(cellLines(run.journal).slice(0, before.length)).toEqual(before);
  return { before, run };
}

describe("a full disk", () => {
  it("under a limit on the size of files stops the run, which can be continued", {
    tags: "nightly",
  }, async () => {
    const out = temporaryFolder();
    const args = ["--profile", "smoke", "--backend", "onnxruntime-cpu", "--workload", "4x3", "--out", out];
    const ended = await bench(args, { fileSizeLimit: 24 });
    const { run, before } = await expectStopped(out, ended, () => {});
    expect(before.length).toBeGreaterThan(0);
    expect(run.results().cells).toHaveLength(2 * GRAPH_METHODS.length);
  });

  it.runIf(canMount)("stops the run in its middle, which can be continued when there is room", async () => {
    const disk = smallDisk(4096);
    fill(disk, 8);
    const out = join(disk, "runs");
    const { run, before } = await expectStopped(out, await bench([...TINY, "--out", out]), () =>
      rmSync(join(disk, "full")),
    );
    expect(before.length).toBeLessThan(GRAPH_METHODS.length);
    expect(run.results().cells).toHaveLength(GRAPH_METHODS.length);
  });

  it.runIf(canMount)(
    "at the report leaves no half of one, and the next run writes it",
    { tags: "nightly" },
    async () => {
      const disk = smallDisk(4096);
      const out = join(disk, "runs");
      await bench([...TINY, "--out", out]);
      const { id, path } = onlyRun(out);
      for (const name of ["results.json", "report.md", "report.html"]) rmSync(join(path, name));
      fill(disk, 4);
      const ended = await bench(["--resume", id, "--out", out]);
      expect(readdirSync(path)).toEqual(["journal.jsonl"]);
      const { run, before } = await expectStopped(out, ended, () => rmSync(join(disk, "full")));
      expect(before).toHaveLength(GRAPH_METHODS.length);
      expect(run.results().cells).toHaveLength(GRAPH_METHODS.length);
      expect(readdirSync(path).toSorted()).toEqual([
        "journal.jsonl",
        "report.html",
        "report.md",
        "results.json",
      ]);
    },
  );

  it.runIf(canMount)("that has no room for a beginning is said so, and nothing is left there", async () => {
    const disk = smallDisk(256);
    fill(disk, 0);
    const { code, stderr } = await call("bench", [...TINY, "--out", disk]);
    expect(code).toBe(2);
    expect(lastLine(stderr)).toMatch(
      /^bench: cannot write to .*: ENOSPC: no space left on device.*; .*another/,
    );
    expect(readdirSync(disk)).toEqual(["full"]);
  });

  it.runIf(canMount)("where shared memory and the temporary folder are full is said so", async () => {
    const [shm, tmp] = [smallDisk(64), smallDisk(64)];
    const out = temporaryFolder();
    const args = ["--profile", "smoke", "--backend", "onnxruntime-cpu", "--workload", "200x200"];
    const { code, stderr } = await bench([...args, "--out", out], {
      sharedMemory: shm,
      env: { TMPDIR: tmp },
    });
    expect(code).toBe(2);
    expect(lastLine(stderr)).toMatch(/^bench: no room for the inputs in shared memory or .*ENOSPC/);
  });
});

/** Shared memory of containers: Docker's default is 64 MiB, and a volume may be missing altogether. */
describe("little shared memory", () => {
  /** Inputs and results of seed-3200 take 41 MB each in float32, 82 MB in float64. */
  const measureSeed = async (sharedMemory: string, dtype: string) => {
    const out = temporaryFolder();
    const seed = ["--backend", "wasm-simd", "--method", "manual/fused", "--workload", "seed-3200"];
    const args = ["--profile", "smoke", ...seed, "--dtype", dtype, "--no-provision", "--out", out];
    const { code, stderr } = await bench(args, { sharedMemory });
    expect(code, stderr).toBe(0);
    expect(onlyRun(out).results().cells).toMatchObject([{ status: "ok" }]);
    return stderr;
  };

  it.runIf(canMount).each([
    ["the results", "float32"],
    ["the inputs", "float64"],
  ])(
    "that has no room for %s moves them to the temporary folder, in one line that says so",
    { tags: "nightly" },
    async (_, dtype) => {
      const stderr = await measureSeed(smallDisk(64 * 1024), dtype);
      expect(stderr.match(/\/dev\/shm/g)).toHaveLength(1);
      expect(stderr).toMatch(
        /^\/dev\/shm is full \(64 MiB in all\): arrays go through files in \S+ from now on; .*--shm-size/m,
      );
    },
  );

  it.runIf(canMount)("or none at all is as good, and said so", { tags: "nightly" }, async () => {
    const stderr = await measureSeed("none", "float32");
    expect(stderr).toMatch(/^no shared memory \(ENOENT: .*\): arrays go through files in \S+$/m);
  });

  it.runIf(canMount)("moves the arrays of other commands, too", async () => {
    const out = join(temporaryFolder(), "gradients");
    const arrays = [
      "--logits",
      JSON.stringify(Array(300).fill(Array(40).fill(1))),
      "--labels",
      JSON.stringify(Array(300).fill(0)),
    ];
    const selection = ["--backend", "wasm-simd", "--method", "manual/fused", "--no-provision"];
    const { code, stderr } = await run("gradient", [...arrays, ...selection, "--out", out], {
      sharedMemory: smallDisk(64),
    });
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/^\/dev\/shm is full/m);
  });
});

describe("a results folder that cannot be written to", () => {
  it("is refused before anything is measured", async () => {
    const out = readOnlyFolder();
    const { code, stderr } = await call("bench", [...TINY, "--out", out]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^bench: cannot write to --out .*: E\w+: .*; choose another folder\n$/);
  });

  it.runIf(canMount)(
    "any more is refused when a run in it is to be continued",
    { tags: "nightly" },
    async () => {
      const disk = smallDisk(4096);
      await call("bench", [...TINY, "--out", disk]);
      const { id, journal } = onlyRun(disk);
      const before = readFileSync(journal);
      execFileSync("mount", ["-o", "remount,ro", disk]);
      const { code, stderr } = await call("bench", ["--resume", id, "--out", disk]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^bench: cannot write to .*: EROFS: read-only file system/);
      expect(readFileSync(journal)).toEqual(before);
    },
  );
});

function readOnlyFolder(): string {
  if (canMount) {
    const disk = smallDisk(64);
    execFileSync("mount", ["-o", "remount,ro", disk]);
    return disk;
  }
  const folder = temporaryFolder();
  chmodSync(folder, 0o555);
  return folder;
}

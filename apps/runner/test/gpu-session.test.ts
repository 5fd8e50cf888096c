import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { parseResults } from "@softmax-bench/core/results";
import { describe, expect, it, onTestFinished } from "vitest";
import { joinScript } from "../dist/bundle/scripts.js";
import { BUNDLED, openFolder, runIsolated } from "./support/bundle.js";
import { ROOT } from "./support/checkout.js";
import { call, temporaryFolder } from "./support/cli.js";

const NAME = "bundle.tar.gz";

/** Copies the scripts that somebody copies beside a bundle. */
function copyScripts(folder: string): void {
  for (const file of ["gpu-session.sh", "slurm/gpu.sbatch"]) {
    execFileSync("cp", [join(ROOT, "deploy", file), folder]);
  }
}

/** The bench of a bundle that measures nothing: it writes the files of a run. */
const BENCH = `while [ "$1" != --out ]; do shift; done
mkdir -p "$2/run" && for file in results.json report.html report.md; do echo "$file" >"$2/run/$file"; done`;

/** A folder with the scripts, and a bundle whose commands are a few lines of shell. */
function folderWithBundle({ doctor = "exit 0", bench = BENCH } = {}): string {
  const folder = openFolder();
  copyScripts(folder);
  mkdirSync(join(folder, "softmax-bench"));
  for (const [name, script] of Object.entries({ "softmax-bench": doctor, bench })) {
    writeFileSync(join(folder, "softmax-bench", name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, "softmax-bench", name), 0o755);
  }
  return folder;
}

/** A folder with the scripts, and the parts of an archive of such a bundle. */
function folderWithParts(): string {
  const [whole, folder] = [folderWithBundle(), openFolder()];
  copyScripts(folder);
  execFileSync("tar", ["czf", join(folder, NAME), "-C", whole, "softmax-bench"]);
  execFileSync("split", ["-b", "200", "-d", "-a", "3", "--numeric-suffixes=1", NAME, `${NAME}.`], {
    cwd: folder,
  });
  const parts = readdirSync(folder).filter((name) => /\.\d{3}$/.test(name));
  const sums = [...parts.sort(), NAME].map((name) => {
    const sum = createHash("sha256")
      .update(readFileSync(join(folder, name)))
      .digest("hex");
    return `${sum}  ${name}\n`;
  });
  writeFileSync(join(folder, `${NAME}.sha256`), sums.join(""));
  writeFileSync(join(folder, `${NAME}.join.sh`), joinScript(NAME));
  execFileSync("rm", [join(folder, NAME)]);
  return folder;
}

describe("deploy/gpu-session.sh", () => {
  it("joins the parts of a bundle, and copies what it writes", () => {
    const folder = folderWithParts();
    const { code, stderr } = runIsolated(["sh", "gpu.sbatch"], folder, { SLURM_JOB_ID: "17" });
    expect(code, stderr).toBe(0);
    const out = join(folder, "gpu-session-17");
    expect(readdirSync(out).sort()).toEqual(
      ["bench.txt", "doctor.txt", "report.html", "report.md", "results.json", "session.log"].sort(),
    );
    expect(readFileSync(join(out, "results.json"), "utf8")).toBe("results.json\n");
  });

  it("says which part is damaged", () => {
    const folder = folderWithParts();
    writeFileSync(join(folder, `${NAME}.001`), "damaged");
    const { code, stderr } = runIsolated(["sh", "gpu-session.sh"], folder);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(
        /a part is missing or damaged[\s\S]*expected a bundle, its archive or all of its parts/,
      ),
    ]);
  });

  it("continues where only doctor fails", () => {
    const folder = folderWithBundle({ doctor: "exit 3" });
    const { code, stderr } = runIsolated(["sh", "gpu-session.sh", ".", "out"], folder);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/doctor failed[\s\S]*done in \d+ s/)]);
    expect(readFileSync(join(folder, "out", "results.json"), "utf8")).toBe("results.json\n");
  });

  it("says so where no time is left for bench", () => {
    const folder = folderWithBundle({ bench: "touch started" });
    const { code, stderr } = runIsolated(["sh", "gpu-session.sh"], folder, { SESSION_SECONDS: "20" });
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/expected more than 20 s for bench, and \d+ s are left; set SESSION_SECONDS/),
    ]);
    expect(readdirSync(folder)).not.toContain("started");
  });

  /** Starts a session, and sends SIGTERM as soon as one of its commands says that it runs. */
  const stopIn = async (folder: string) => {
    const session = spawn("sh", ["gpu-session.sh"], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    onTestFinished(() => void session.kill("SIGKILL"));
    const [stderr, closed] = [text(session.stderr), once(session, "close")];
    while (!readdirSync(folder).includes("runs")) await setTimeout(20);
    session.kill("SIGTERM");
    const [code] = await closed;
    return { code, stderr: await stderr };
  };
  /** A command that runs until it is asked to stop, as ours do. */
  const UNTIL_STOPPED = 'trap "exit 130" TERM; touch "$PWD/runs"; while :; do sleep 0.1; done';

  it("starts no bench when it is stopped during doctor", async () => {
    const folder = folderWithBundle({ doctor: UNTIL_STOPPED, bench: "touch started" });
    const { code, stderr } = await stopIn(folder);
    expect([code, stderr]).toEqual([130, expect.stringContaining("stopped before bench")]);
    expect(readdirSync(folder)).not.toContain("started");
  });

  it("copies what bench has measured when it is stopped during bench", async () => {
    const folder = folderWithBundle({ bench: `${BENCH}\n${UNTIL_STOPPED}` });
    const { code, stderr } = await stopIn(folder);
    expect([code, stderr]).toEqual([1, expect.stringContaining("bench exited with 130")]);
    expect(readdirSync(join(folder, "gpu-session"))).toContain("results.json");
  });
});

describe("deploy/gpu-session.sh with a bundle of two backends", { tags: "nightly" }, () => {
  const copyBundle = async (): Promise<string> => {
    const [made, folder] = [temporaryFolder(), openFolder()];
    const args = ["--backend", BUNDLED, "--split", "20M", "--out", join(made, NAME)];
    const { code, stderr } = await call("bundle", args);
    expect(code, stderr).toBe(0);
    for (const file of readdirSync(made)) copyFileSync(join(made, file), join(folder, file));
    copyScripts(folder);
    return folder;
  };

  it("examines and measures, and says why there is no CUDA", async () => {
    const copy = await copyBundle();
    const { code, stderr } = runIsolated(["sh", "gpu.sbatch"], copy, {
      SLURM_JOB_ID: "17",
      SESSION_PROFILE: "smoke",
      SESSION_BACKENDS: "onnxruntime-cuda,wasm-simd",
    });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("onnxruntime-cuda is unavailable: not in this bundle");
    const out = join(copy, "gpu-session-17");
    const { run: ran, cells } = parseResults(readFileSync(join(out, "results.json"), "utf8"));
    expect(ran.status).toBe("complete");
    expect(cells.filter(({ status }) => status === "ok").length).toBeGreaterThan(10);
    expect(readFileSync(join(out, "doctor.txt"), "utf8")).toMatch(/^wasm-simd +yes /m);
  });

  it("ends in time, with what was measured until then", async () => {
    const copy = await copyBundle();
    const started = Date.now();
    const { code, stderr } = runIsolated(["sh", "gpu-session.sh"], copy, {
      SESSION_SECONDS: "75",
      SESSION_BACKENDS: BUNDLED,
    });
    expect(Date.now() - started).toBeLessThan(75_000);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/bench was stopped after \d+ s/)]);
    const { run: ran, cells } = parseResults(readFileSync(join(copy, "gpu-session", "results.json"), "utf8"));
    expect(ran.status).toBe("interrupted");
    expect(cells.filter(({ status }) => status === "ok").length).toBeGreaterThan(0);
  });
});

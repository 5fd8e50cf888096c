import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BUNDLED, listFiles, MOST_BYTES, openFolder, runIsolated } from "./support/bundle.js";
import { call, canUnshare, onlyRun, spawned, temporaryFolder } from "./support/cli.js";

/** The oldest Debian that is tried: its C library is older than that of any other that is still in use. */
const DEBIAN = "bullseye";
const canMakeDebian = canUnshare && spawnSync("debootstrap", ["--version"], { stdio: "ignore" }).status === 0;

/** Starts a command as a user without rights, in a root folder, without a network. */
const IN_ROOT = `mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" || exit 99
exec chroot --userspec=65534:65534 "$0" env -i PATH=/usr/bin:/bin HOME=/nonexistent sh -c 'cd /tmp && exec "$@"' sh "$@"`;

describe("a bundle on another system", { tags: "nightly" }, () => {
  // Where tests are to be complete, a tool that is missing is a failure.
  it.runIf(canMakeDebian || process.env.CI)(
    "measures on a Debian 11 that has nothing but what every Debian has",
    async () => {
      const folder = temporaryFolder();
      const [archive, root] = [join(folder, "bundle.tar.gz"), join(folder, "root")];
      const { code, stderr } = await call("bundle", ["--backend", BUNDLED, "--node", "24", "--out", archive]);
      expect(code, stderr).toBe(0);
      execFileSync("debootstrap", ["--variant=minbase", DEBIAN, root], { stdio: "ignore" });
      execFileSync("tar", ["xzf", archive, "-C", join(root, "opt")]);
      const args = ["/opt/softmax-bench/bench", "--profile", "smoke", "--workload", "16x10"];
      const namespaces = ["--net", "--mount", "--pid", "--fork"];
      const ended = await spawned(["unshare", ...namespaces, "sh", "-c", IN_ROOT, root, ...args], {}).ended;
      expect(ended.code, ended.stderr).toBe(0);
      const { backends, cells } = onlyRun(join(root, "tmp", "bench-results")).results();
      expect(backends.map(({ id, status }) => [id, status])).toEqual([
        ["onnxruntime-cpu", "available"],
        ["wasm-simd", "available"],
      ]);
      expect(cells.filter(({ status }) => status !== "ok" && status !== "unsupported")).toEqual([]);
    },
  );
});

describe("a bundle for another platform", { tags: "nightly" }, () => {
  /** The machine that a program is for, by its ELF header. */
  const machineOf = (file: string): number => {
    const header = readFileSync(file).subarray(0, 20);
    expect(header.subarray(0, 4).toString("latin1")).toBe("\x7fELF");
    return header.readUInt16LE(18);
  };
  const MACHINES = { "linux-x64": 62, "linux-arm64": 183 };

  it.each(Object.entries(MACHINES))(
    "has programs for %s only, in at most 60 MB with Node 24",
    async (platform, machine) => {
      const folder = temporaryFolder();
      const archive = join(folder, "bundle.tar.zst");
      const args = ["--backend", BUNDLED, "--platform", platform, "--node", "24", "--out", archive];
      const { code, stderr } = await call("bundle", args);
      expect(code, stderr).toBe(0);
      expect(readFileSync(archive).length).toBeLessThanOrEqual(MOST_BYTES);
      execFileSync("tar", ["xf", archive, "-C", folder]);
      const programs = listFiles(join(folder, "softmax-bench")).filter((file) =>
        /\.node$|\.so(?:\.\d+)*$|\/bin\/node$|\.dll$|\.dylib$/.test(file),
      );
      expect(programs.length).toBeGreaterThanOrEqual(3);
      for (const file of programs) {
        expect(machineOf(join(folder, "softmax-bench", file)), file).toBe(machine);
      }
    },
  );

  it("works with gzip, and with every backend that packages bring", async () => {
    const folder = temporaryFolder();
    const archive = join(folder, "bundle.tar.gz");
    const ids = ["tfjs-wasm", "tfjs-cpu", "onnxruntime-web", "jax-js", "wasm-simd", "onnxruntime-cpu"];
    const { code, stderr } = await call("bundle", ["--backend", ids.join(), "--out", archive]);
    expect(code, stderr).toBe(0);
    chmodSync(folder, 0o755);
    execFileSync("tar", ["xzf", archive, "-C", folder]);
    const cwd = openFolder();
    const bench = join(folder, "softmax-bench", "bench");
    const ended = runIsolated([bench, "--profile", "smoke", "--workload", "2x2"], cwd);
    expect(ended.code, ended.stderr).toBe(0);
    const { backends, cells } = onlyRun(join(cwd, "bench-results")).results();
    expect(backends.map(({ id, status }) => [id, status]).sort()).toEqual(
      ids.map((id) => [id, "available"]).sort(),
    );
    expect(cells.filter(({ status }) => status !== "ok" && status !== "unsupported")).toEqual([]);
  });
});

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import type { Environment } from "@softmax-bench/core";

/** The machine and the software that everything in a run has in common. */
export function describeEnvironment(): Environment {
  const processors = cpus();
  const { node, v8, uv } = process.versions;
  const simd = widestSimd();
  return {
    cpu: processors[0]?.model.trim() ?? process.arch,
    cores: Math.max(1, processors.length),
    memoryBytes: totalmem(),
    ...(simd ? { simd } : {}),
    os: `${type()} ${release()} ${process.arch}`,
    node: `v${node}`,
    versions: { v8, uv },
  };
}

/** The widest vector instructions of the processor that matter here, best first in this list. */
const SIMD = { avx512f: "AVX-512", avx2: "AVX2", avx: "AVX", sve: "SVE", asimd: "NEON" };

function widestSimd(): string | undefined {
  try {
    const flags = /^(?:flags|Features)\s*:(.*)$/m
      .exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]
      ?.split(" ");
    return Object.entries(SIMD).find(([flag]) => flags?.includes(flag))?.[1];
  } catch {
    return undefined;
  }
}

/** The commit of the checkout that the command runs in, with `-dirty` for uncommitted changes. */
export const currentCommit = (): string | null =>
  git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*");

/** Its branch: in a GitHub workflow, where none is checked out, that of the pull request or of the push. */
export const currentBranch = (): string | null =>
  process.env.GITHUB_HEAD_REF || process.env.GITHUB_REF_NAME || git("branch", "--show-current");

function git(...args: readonly string[]): string | null {
  try {
    const said = execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return said.trim() || null;
  } catch {
    return null;
  }
}

import { readdirSync, readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import type { Environment } from "@softmax-bench/core";

/** The version of softmax-bench. */
export const VERSION: string = JSON.parse(
  readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
).version;

/** The machine and the software that everything in a run has in common. */
export function describeEnvironment(): Environment {
  const processors = cpus();
  const { node, v8, uv } = process.versions;
  const [simd, cacheBytes] = [widestSimd(), largestCache()];
  return {
    cpu: processors[0]?.model.trim() ?? process.arch,
    cores: Math.max(1, processors.length),
    memoryBytes: totalmem(),
    ...(simd ? { simd } : {}),
    ...(cacheBytes ? { cacheBytes } : {}),
    os: `${type()} ${release()} ${process.arch}`,
    node: `v${node}`,
    versions: { v8, uv },
  };
}

/** The widest vector instructions of the processor that matter here, best first in this list. */
const SIMD = { avx512f: "AVX-512", avx2: "AVX2", avx: "AVX", sve: "SVE", asimd: "NEON" };

function widestSimd(): string | undefined {
  const flags = processorFlags();
  return Object.entries(SIMD).find(([flag]) => flags.includes(flag))?.[1];
}

/** Flags of instructions that kernels of a runtime choose between. */
const INSTRUCTIONS =
  /^(?:pni|ssse|sse|avx|amx|fma|f16c|bmi|abm|popcnt|gfni|vaes|asimd|neon|fphp|sve|sme|bf16|i8mm|dotprod)/;

/** The instruction sets of the processor that results may depend on, as Linux names them; none where it does not. */
export const instructionSets = (): readonly string[] =>
  processorFlags().filter((flag) => INSTRUCTIONS.test(flag));

function processorFlags(): readonly string[] {
  try {
    const [, flags = ""] = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8")) ?? [];
    return flags.trim().split(" ");
  } catch {
    return [];
  }
}

/** Bytes of the largest cache that the first processor has a share in, as Linux tells it. */
function largestCache(): number | undefined {
  const folder = "/sys/devices/system/cpu/cpu0/cache";
  try {
    const sizes = readdirSync(folder)
      .filter((name) => /^index\d+$/.test(name))
      .map((name) => /^(\d+)K$/.exec(readFileSync(join(folder, name, "size"), "utf8").trim())?.[1]);
    return Math.max(0, ...sizes.map((kibibytes) => 1024 * Number(kibibytes ?? 0))) || undefined;
  } catch {
    return undefined;
  }
}

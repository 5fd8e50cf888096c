import type * as V8 from "node:v8";

/** V8's flag that makes one operation of 256 bits of two adjacent ones of 128 bits. */
const FLAG = "--experimental-wasm-revectorize";

/** The number of bits that is wanted, `128`, where the flag is not. */
const WANTED = "SOFTMAX_BENCH_WASM_BITS";

/**
 * Sets V8's flag for vectors of 256 bits in this process, for code that is compiled afterwards, where it was measured to help: Node 24 and
 * later on x64, but not on macOS, whose builds lack it. Node 22 has the flag without an effect, so has Deno, and Bun has another engine
 * (docs/performance.md). Results have the same bits.
 *
 * @returns the flag, or undefined if it was not set
 */
export function setWideVectors(): string | undefined {
  const { process } = globalThis;
  if (!process?.getBuiltinModule || process.env[WANTED] === "128") return undefined;
  const { arch, platform, versions } = process;
  const isNode = versions.bun === undefined && versions.deno === undefined;
  if (!isNode || Number.parseInt(versions.node, 10) < 24 || arch !== "x64" || platform === "darwin")
    return undefined;
  (process.getBuiltinModule("node:v8") as typeof V8).setFlagsFromString(FLAG);
  return FLAG;
}

import { platform } from "./platform/index.js";

/** The types that matrices are stored in; as in `assembly/job.ts`. */
export const DTYPE_CODES = { float32: 0, float64: 1, float16: 2, bfloat16: 3 } as const;

/** The compiled kernel's exports. Pointers are offsets in its memory, 0 for nothing. See `assembly/`. */
export interface KernelExports {
  heapStart(): number;
  scratchSize(classes: number, half: boolean): number;
  splitSize(classes: number): number;
  exp(double: boolean, normal: boolean, x: number, count: number, out: number, scratch: number): void;
  widenAll(dtype: number, from: number, count: number, to: number): void;
  narrowAll(dtype: number, from: number, count: number, to: number): void;
  multiplyTransposed(a: number, rows: number, b: number, columns: number, depth: number, out: number): void;
  addProduct(
    a: number,
    ofRow: number,
    ofTerm: number,
    rows: number,
    terms: number,
    b: number,
    out: number,
    width: number,
  ): void;
  describe(
    dtype: number,
    rows: number,
    classes: number,
    labels: number,
    weights: number,
    upstream: number,
    losses: number,
    divisor: number,
    smoothing: number,
    hasIgnored: boolean,
    ignored: number,
    exactTarget: boolean,
    twoPass: boolean,
  ): void;
  isImproper(): number;
  place(
    logits: number,
    logitsRows: number,
    probabilities: number,
    probabilitiesRows: number,
    gradient: number,
    gradientRows: number,
  ): void;
  divide(chunk: number, slots: number, done: number, scratch: number, split: number): void;
  beginSplit(row: number): number;
  endPart(): number;
  openJob(): void;
  publishRows(rows: number, threads: number): void;
  computeChunk(): number;
  closeJob(threads: number): void;
  chunkWord(chunk: number): number;
  isChunkDone(chunk: number): number;
  spinUntilChunkDone(chunk: number): number;
  stateWord(thread: number): number;
  isAtWork(thread: number): number;
  spinWhileAtWork(thread: number): number;
  serve(thread: number): number;
  stop(threads: number): void;
}

/** The number of threads that the kernel has words for; see `assembly/threads.ts`. */
export const MAX_THREADS = 64;

export const PAGE = 65536;
/** The pages that 32 bits address, except the last: so the end of an array is an address, too. */
export const MAX_PAGES = 65535;

/**
 * The instructions that the kernel is compiled to. `relaxed-simd` multiplies and adds at once. It is faster, but the
 * processor decides whether that rounds once or twice. Results of `simd` have the same bits everywhere.
 */
export type Instructions = "simd" | "relaxed-simd";

/** Loads the code of one build. Literal names, since bundlers look for them. */
const LOAD = {
  simd: () => import("./code/simd.js"),
  "relaxed-simd": () => import("./code/relaxed-simd.js"),
} as const satisfies Readonly<Record<Instructions, unknown>>;

/** A module with one function, which multiplies and adds at once: 0 · 0 + 0 in four lanes (`f32x4.relaxed_madd`). */
// biome-ignore format: sections of the module, one a line
const RELAXED_SIMD = Uint8Array.of(
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b,
  0x03, 0x02, 0x01, 0x00,
  0x0a, 0x13, 0x01, 0x11, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0xfd, 0x85, 0x02, 0x0b,
);

/** `relaxed-simd` if supported: from Node 22 on. */
export const fastest = (): Instructions => (WebAssembly.validate(RELAXED_SIMD) ? "relaxed-simd" : "simd");

/** True if threads can share memory here: not in a page that is not isolated from other origins. */
export const sharesMemory = (): boolean => typeof SharedArrayBuffer !== "undefined";

/** The limits of a memory that has a maximum and is not shared (WebAssembly 3.0, "Limits"). */
const UNSHARED = 0x01;

/**
 * The kernel for a memory of `createMemory`.
 *
 * @throws WebAssembly.CompileError if the instructions are not supported here
 */
export async function compile(instructions: Instructions = fastest()): Promise<WebAssembly.Module> {
  const { code, limits } = await LOAD[instructions]();
  const compressed = Uint8Array.from(atob(code), (character) => character.charCodeAt(0));
  const bytes = await platform.inflate(compressed);
  if (!sharesMemory()) bytes[limits] = UNSHARED;
  return WebAssembly.compile(bytes);
}

/** A memory of `pages` initially: for any number of instances, or for one if it cannot be shared. */
export const createMemory = (pages = 1): WebAssembly.Memory =>
  new WebAssembly.Memory({ initial: pages, maximum: MAX_PAGES, shared: sharesMemory() });

/** Asynchronous, since pages may not do this to a large module at once. */
export async function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<KernelExports> {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  return exports as unknown as KernelExports;
}

import { readCode } from "#platform";

/** The types that matrices are stored in; as in `assembly/job.ts`. */
export const DTYPE_CODES = { float32: 0, float64: 1, float16: 2, bfloat16: 3 } as const;

/** The compiled kernel's exports. Pointers are offsets in its memory, 0 for nothing. See `assembly/`. */
export interface KernelExports {
  heapStart(): number;
  scratchSize(classes: number, half: boolean): number;
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
  divide(chunk: number, slots: number, done: number, scratch: number): void;
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

/** `relaxed-simd` if supported: from Node 22 on. */
export const fastest = async (): Promise<Instructions> =>
  WebAssembly.validate(await readCode("relaxed-simd")) ? "relaxed-simd" : "simd";

/** @throws WebAssembly.CompileError if the instructions are not supported here */
export const compile = async (instructions?: Instructions): Promise<WebAssembly.Module> =>
  WebAssembly.compile(await readCode(instructions ?? (await fastest())));

/** A memory for any number of instances, of `pages` initially. */
export const createMemory = (pages = 1): WebAssembly.Memory =>
  new WebAssembly.Memory({ initial: pages, maximum: MAX_PAGES, shared: true });

export const instantiate = (module: WebAssembly.Module, memory: WebAssembly.Memory): KernelExports =>
  new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports;

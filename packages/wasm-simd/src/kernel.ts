import type { Worker } from "node:worker_threads";
import { Heap } from "./heap.js";
import {
  compile,
  createMemory,
  fastest,
  type Instructions,
  instantiate,
  type KernelExports,
  MAX_THREADS,
} from "./module.js";
import {
  type FloatArray,
  type FloatDType,
  type GradientOptions,
  type LossOptions,
  type Problem,
  problemOf,
} from "./options.js";
import { compute } from "./states.js";
import { startTeam } from "./team.js";

export interface KernelOptions {
  /** Threads that compute, the calling one included: 1 to 64. Default 1. */
  readonly threads?: number | undefined;
  /**
   * `relaxed-simd`: the default where there is such, from Node 22 on. It multiplies and adds at once, which rounds as the
   * processor does. Results of `simd` have the same bits everywhere.
   */
  readonly instructions?: Instructions | undefined;
}

export interface LossResult {
  /** The mean or the sum of the losses; for reduction "none", Σ upstream · losses. Its gradient is what is computed. */
  readonly loss: number;
  /** Each row's loss, `[N]`: with the row's weight, 0 where the row is ignored. */
  readonly losses: Float64Array;
}

export interface GradientResult extends LossResult {
  /** Gradient of `loss` with respect to the logits, `[N, C]`: `out`, if it was given. */
  readonly gradient: FloatArray;
}

const BYTES = { float32: 4, float64: 8 } as const;

/** Entries below which waking another thread takes longer than doing its part. */
const ENTRIES_PER_THREAD = 1 << 15;

/**
 * Softmax cross-entropy on its own threads and its own memory. Calls are synchronous; arrays from `allocate` are used in
 * place, others are copied in and out.
 */
export class SoftmaxKernel implements AsyncDisposable {
  static readonly MAX_THREADS = MAX_THREADS;
  /** Threads that compute, the calling one included. */
  readonly threads: number;
  readonly instructions: Instructions;
  readonly #exports: KernelExports;
  readonly #memory: WebAssembly.Memory;
  readonly #heap: Heap;
  readonly #workers: readonly Worker[];
  /** A shared memory that has grown has a new buffer; arrays on the old ones stay valid. */
  readonly #buffers = new WeakSet<ArrayBufferLike>();
  #stopped = false;

  private constructor(
    instructions: Instructions,
    exports: KernelExports,
    memory: WebAssembly.Memory,
    workers: readonly Worker[],
  ) {
    this.instructions = instructions;
    this.#exports = exports;
    this.#memory = memory;
    this.#heap = new Heap(memory, exports.heapStart());
    this.#workers = workers;
    this.threads = workers.length + 1;
  }

  /**
   * Compiles the kernel and starts its threads, the calling one included.
   *
   * @throws RangeError if the number of threads is not from 1 to 64, or the instructions are not to be had
   */
  static async start({ threads = 1, instructions = fastest() }: KernelOptions = {}): Promise<SoftmaxKernel> {
    if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
      throw new RangeError(`threads: expected an integer from 1 to ${MAX_THREADS}, got ${threads}`);
    }
    if (instructions !== "simd" && instructions !== fastest()) {
      throw new RangeError(
        `instructions: expected "simd", or "relaxed-simd" from Node 22 on, got "${instructions}"`,
      );
    }
    const module = compile(instructions);
    const memory = createMemory();
    const exports = instantiate(module, memory);
    return new SoftmaxKernel(instructions, exports, memory, await startTeam(module, memory, threads));
  }

  /** Bytes of the kernel's memory that are taken. */
  get allocated(): number {
    return this.#heap.used;
  }

  /** An array in the kernel's memory, with arbitrary contents. @throws RangeError beyond 4 GiB in all. */
  allocate(dtype: "float32", length: number): Float32Array;
  allocate(dtype: "float64", length: number): Float64Array;
  allocate(dtype: "int32", length: number): Int32Array;
  allocate(dtype: FloatDType, length: number): FloatArray;
  allocate(dtype: FloatDType | "int32", length: number): FloatArray | Int32Array {
    const start = this.#allocate(length * (dtype === "float64" ? 8 : 4));
    const { buffer } = this.#memory;
    if (dtype === "float32") return new Float32Array(buffer, start, length);
    return dtype === "float64"
      ? new Float64Array(buffer, start, length)
      : new Int32Array(buffer, start, length);
  }

  /** Gives back an array from `allocate`, which must not be used again. @throws RangeError if it is none. */
  free(array: FloatArray | Int32Array): void {
    if (!this.#owns(array)) throw new RangeError("free: expected an array from this kernel's allocate");
    this.#heap.free(array.byteOffset);
  }

  /**
   * The loss and its gradient with respect to the logits `[N, C]`, of labels – classes `[N]` as an Int32Array, or
   * probabilities `[N, C]` – and options in the logits' dtype.
   *
   * @throws RangeError, TypeError if arrays or options do not fit together
   */
  softmaxCrossEntropy(
    logits: FloatArray,
    labels: Int32Array | FloatArray,
    options: GradientOptions = {},
  ): GradientResult {
    const problem = problemOf(logits, labels, options);
    const { out } = options;
    if (out && overlap(out, logits))
      throw new RangeError("out: expected memory apart from the logits, got theirs");
    const own = out && this.#owns(out) ? out : undefined;
    const target = own ?? this.allocate(problem.dtype, logits.length);
    try {
      const result = this.#run(problem, logits, labels, target.byteOffset);
      if (own) return { ...result, gradient: own };
      if (out) out.set(target);
      return { ...result, gradient: out ?? target.slice() };
    } finally {
      if (!own) this.free(target);
    }
  }

  /** The loss alone. @throws RangeError, TypeError if arrays or options do not fit together */
  loss(logits: FloatArray, labels: Int32Array | FloatArray, options: LossOptions = {}): LossResult {
    return this.#run(problemOf(logits, labels, options), logits, labels, 0);
  }

  /** Ends the threads. The memory goes when nothing refers to it any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#exports.stop(this.threads);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #run(problem: Problem, logits: FloatArray, labels: Int32Array | FloatArray, gradient: number): LossResult {
    if (this.#stopped) throw new Error("this kernel was disposed; start another one");
    const { dtype, rows, classes, weights, upstream, ignoreIndex, reduction, divisor } = problem;
    const threads = Math.max(
      1,
      Math.min(this.threads, rows, Math.floor((rows * classes) / ENTRIES_PER_THREAD)),
    );
    const temporary: number[] = [];
    const reserve = (bytes: number): number => {
      const start = this.#allocate(bytes);
      temporary.push(start);
      return start;
    };
    const place = (array: FloatArray | Int32Array | undefined): number => {
      if (!array) return 0;
      if (this.#owns(array)) return array.byteOffset;
      const start = reserve(array.byteLength);
      const bytes = new Uint8Array(this.#memory.buffer, start, array.byteLength);
      bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
      return start;
    };
    try {
      const indices = labels instanceof Int32Array;
      const lossesAt = reserve(rows * BYTES.float64);
      this.#exports.describe(
        dtype === "float64",
        rows,
        classes,
        place(logits),
        indices ? place(labels) : 0,
        indices ? 0 : place(labels),
        place(weights),
        place(upstream),
        gradient,
        lossesAt,
        reserve(this.#exports.scratchSize(classes) * threads),
        reduction === "mean" ? divisor || 1 : 1,
        problem.labelSmoothing,
        ignoreIndex !== undefined,
        ignoreIndex ?? 0,
        problem.exactTarget,
      );
      compute(this.#exports, this.#memory, threads);
      const losses = new Float64Array(this.#memory.buffer, lossesAt, rows).slice();
      return { losses, loss: reduced(losses, problem) };
    } finally {
      for (const start of temporary) this.#heap.free(start);
    }
  }

  #allocate(bytes: number): number {
    const start = this.#heap.allocate(bytes);
    this.#buffers.add(this.#memory.buffer);
    return start;
  }

  #owns = ({ buffer }: FloatArray | Int32Array): boolean => this.#buffers.has(buffer);
}

function reduced(losses: Float64Array, { reduction, upstream, divisor }: Problem): number {
  let sum = 0;
  for (let row = 0; row < losses.length; row++) {
    sum += (losses[row] as number) * (upstream ? (upstream[row] as number) : 1);
  }
  // PyTorch's mean over nothing is NaN.
  return reduction === "mean" ? sum / divisor : sum;
}

function overlap(a: FloatArray, b: FloatArray): boolean {
  // Two buffers of one memory are two objects, but offsets in either are in the same memory.
  const same = a.buffer === b.buffer || (isShared(a) && isShared(b));
  return same && a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
}

const isShared = ({ buffer }: FloatArray): boolean => buffer instanceof SharedArrayBuffer;

import { requireProbabilities } from "@softmax-bench/numerics";
import { compute, divide } from "./compute.js";
import { Heap } from "./heap.js";
import { inferLinearShape, rowsAtOnce } from "./linear.js";
import {
  compile,
  createMemory,
  DTYPE_CODES,
  fastest,
  type Instructions,
  instantiate,
  type KernelExports,
  MAX_THREADS,
  sharesMemory,
} from "./module.js";
import {
  ARRAYS,
  arrayLike,
  type ComputedArray,
  checkOptions,
  type FloatArray,
  type FloatDType,
  type GradientOptions,
  type HalfDType,
  isHalf,
  type LossOptions,
  type Problem,
  type SameArray,
  toProblem,
} from "./options.js";
import { Team } from "./team.js";
import { withWorkspace } from "./workspace.js";

export interface KernelOptions {
  /**
   * Threads that compute, the calling one included: 1 to 64. Default 1. Without SharedArrayBuffer, as in a page that is not isolated
   * from other origins, there is one.
   */
  readonly threads?: number | undefined;
  /**
   * `relaxed-simd` is the default if supported, from Node 22 on. It multiplies and adds at once, and the processor
   * decides how that rounds. Results of `simd` have the same bits everywhere.
   */
  readonly instructions?: Instructions | undefined;
}

export interface LossResult {
  /**
   * The mean or the sum of the losses; for reduction "none", Σ upstream · losses. The gradient is that of this value.
   */
  readonly loss: number;
  /** Each row's loss, `[N]`: with the row's weight, 0 for an ignored row. */
  readonly losses: Float64Array;
}

export interface LinearResult extends LossResult {
  /** Gradient of `loss` with respect to the input, `[N, D]`. */
  readonly inputGradient: Float32Array;
  /** Gradient of `loss` with respect to the matrix, `[C, D]`. */
  readonly matrixGradient: Float32Array;
}

/** Options of the loss, whose labels are classes. */
export type LinearOptions = Omit<LossOptions<Float32Array>, "dtype" | "classes">;

export interface GradientResult<Values extends FloatArray = FloatArray> extends LossResult {
  /** Gradient of `loss` with respect to the logits, `[N, C]`: the array `out`, if given. */
  readonly gradient: Values;
}

/**
 * Softmax cross-entropy on its own threads and its own memory. Calls are synchronous. Arrays from `allocate` are used
 * in place; rows of other arrays pass through, as all do without SharedArrayBuffer.
 */
export class SoftmaxKernel implements AsyncDisposable {
  static readonly MAX_THREADS = MAX_THREADS;
  readonly instructions: Instructions;
  readonly #exports: KernelExports;
  readonly #heap: Heap;
  readonly #team: Team;
  #stopped = false;

  private constructor(instructions: Instructions, exports: KernelExports, heap: Heap, team: Team) {
    this.instructions = instructions;
    this.#exports = exports;
    this.#heap = heap;
    this.#team = team;
  }

  /**
   * Compiles the kernel and starts its threads, the calling one included.
   *
   * @throws RangeError if the number of threads is not from 1 to 64, or the instructions are not supported
   */
  static async start({ threads = 1, ...options }: KernelOptions = {}): Promise<SoftmaxKernel> {
    if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
      throw new RangeError(`threads: expected an integer from 1 to ${MAX_THREADS}, got ${threads}`);
    }
    const best = fastest();
    const { instructions = best } = options;
    if (instructions !== "simd" && instructions !== best) {
      throw new RangeError(
        `instructions: expected "simd", or "relaxed-simd" from Node 22 on, got "${instructions}"`,
      );
    }
    const module = await compile(instructions);
    const memory = createMemory();
    const exports = await instantiate(module, memory);
    const heap = new Heap(memory, exports.heapStart());
    const team = await Team.start(module, memory, sharesMemory() ? threads : 1);
    return new SoftmaxKernel(instructions, exports, heap, team);
  }

  /** Threads that compute, the calling one included. */
  get threads(): number {
    return this.#team.threads;
  }

  /** Bytes of the kernel's memory in use. */
  get allocated(): number {
    return this.#heap.used;
  }

  /**
   * An array in the kernel's memory, with arbitrary contents; without SharedArrayBuffer, an ordinary array, since memory that is not
   * shared empties its arrays when it grows.
   *
   * @throws RangeError beyond 4 GiB in total
   */
  allocate(dtype: "float32", length: number): Float32Array;
  allocate(dtype: "float64", length: number): Float64Array;
  allocate(dtype: HalfDType, length: number): Uint16Array;
  allocate(dtype: "int32", length: number): Int32Array;
  allocate(dtype: FloatDType, length: number): ComputedArray | Uint16Array;
  allocate(dtype: FloatDType | "int32", length: number): ComputedArray | Uint16Array | Int32Array {
    const ArrayType = ARRAYS[dtype];
    if (!ArrayType) {
      throw new RangeError(`dtype: expected one of ${Object.keys(ARRAYS).join(", ")}, got ${dtype}`);
    }
    if (!Number.isSafeInteger(length) || length < 0) {
      throw new RangeError(`length: expected an integer from 0 on, got ${length}`);
    }
    if (!this.#heap.keepsArrays) return new ArrayType(length);
    const start = this.#heap.allocate(length * ArrayType.BYTES_PER_ELEMENT);
    return new ArrayType(this.#heap.buffer, start, length);
  }

  /** Releases an array from `allocate`, which must not be used again. @throws RangeError if it is another array. */
  free(array: FloatArray | Int32Array): void {
    if (!this.#heap.keepsArrays) return;
    if (!this.#heap.owns(array)) throw new RangeError("free: expected an array from this kernel's allocate");
    this.#heap.free(array.byteOffset);
  }

  /**
   * The loss and its gradient with respect to the logits `[N, C]`. Labels are classes `[N]` as an Int32Array, or
   * probabilities `[N, C]`. Probabilities and options are in the logits' dtype.
   *
   * In half precision, all is computed in float32, and each entry of the gradient is rounded once.
   *
   * @throws RangeError, TypeError if arrays or options do not fit together; Error if a thread of the kernel has ended
   */
  softmaxCrossEntropy(
    logits: Uint16Array,
    labels: Int32Array | Uint16Array,
    options: GradientOptions<Uint16Array> & { readonly dtype: HalfDType },
  ): GradientResult<Uint16Array>;
  softmaxCrossEntropy<Values extends Exclude<FloatArray, Uint16Array>>(
    logits: Values,
    labels: Int32Array | SameArray<Values>,
    options?: GradientOptions<SameArray<Values>>,
  ): GradientResult<SameArray<Values>>;
  softmaxCrossEntropy(
    logits: FloatArray,
    labels: Int32Array | FloatArray,
    options: GradientOptions & { readonly dtype: FloatDType },
  ): GradientResult;
  softmaxCrossEntropy(
    logits: FloatArray,
    labels: Int32Array | FloatArray,
    options: GradientOptions = {},
  ): GradientResult {
    const given = { ...options };
    const problem = toProblem(logits, labels, given, this.#widened);
    const { out = arrayLike(logits, problem.dtype), weights, upstream } = given;
    for (const [name, array] of Object.entries({ logits, labels, weights, upstream })) {
      if (array && this.#overlap(out, array)) {
        throw new RangeError(`out: expected memory apart from the ${name}, got theirs`);
      }
    }
    return { ...this.#run(problem, logits, labels, out), gradient: out };
  }

  /** The loss alone. @throws as `softmaxCrossEntropy` does */
  loss(
    logits: Uint16Array,
    labels: Int32Array | Uint16Array,
    options: LossOptions<Uint16Array> & { readonly dtype: HalfDType },
  ): LossResult;
  loss<Values extends Exclude<FloatArray, Uint16Array>>(
    logits: Values,
    labels: Int32Array | SameArray<Values>,
    options?: LossOptions<SameArray<Values>>,
  ): LossResult;
  loss(
    logits: FloatArray,
    labels: Int32Array | FloatArray,
    options: LossOptions & { readonly dtype: FloatDType },
  ): LossResult;
  loss(logits: FloatArray, labels: Int32Array | FloatArray, options: LossOptions = {}): LossResult {
    return this.#run(toProblem(logits, labels, options, this.#widened), logits, labels);
  }

  /**
   * The loss of logits input · matrixᵀ, and its gradients with respect to both: the last layer of a classifier or a language
   * model. The logits `[N, C]` exist for a block of rows at a time, at most 16 MiB of them or four rows; so does their gradient. The
   * kernel's memory has those, the matrix and its gradient. The products are computed on the calling thread.
   *
   * @param input `[N, D]`
   * @param matrix a row for each class, `[C, D]`
   * @throws as `softmaxCrossEntropy` does
   */
  linearSoftmaxCrossEntropy(
    input: Float32Array,
    matrix: Float32Array,
    labels: Int32Array,
    options: LinearOptions = {},
  ): LinearResult {
    this.#requireRunning();
    const { rows, classes, width } = inferLinearShape(input, matrix, labels);
    const problem = checkOptions({ dtype: "float32", rows, classes }, labels, options, this.#widened);
    const atOnce = rowsAtOnce(rows, classes);
    const losses = new Float64Array(rows);
    const inputGradient = new Float32Array(input.length);
    const size = Float32Array.BYTES_PER_ELEMENT;
    return withWorkspace(this.#heap, (space) => {
      const reserve = (length: number) => space.reserve(length * size);
      const [x, ofX] = [reserve(atOnce * width), reserve(atOnce * width)];
      const [logits, ofLogits] = [reserve(atOnce * classes), reserve(atOnce * classes)];
      const [weights, ofWeights] = [space.vector(matrix), reserve(matrix.length)];
      space.floatsAt(ofWeights, matrix.length).fill(0);
      for (let first = 0; first < rows; first += atOnce) {
        const end = Math.min(rows, first + atOnce);
        const count = end - first;
        space.floatsAt(x, count * width).set(input.subarray(first * width, end * width));
        this.#exports.multiplyTransposed(x, count, weights, classes, width, logits);
        const block = { ...problem, rows: count, upstream: problem.upstream?.subarray(first, end) };
        losses.set(this.#run(block, logits, labels.subarray(first, end), ofLogits).losses, first);
        const gradient = space.floatsAt(ofX, count * width).fill(0);
        this.#exports.addProduct(ofLogits, classes * size, size, count, classes, weights, ofX, width);
        inputGradient.set(gradient, first * width);
        this.#exports.addProduct(ofLogits, size, classes * size, classes, count, x, ofWeights, width);
      }
      const matrixGradient = space.floatsAt(ofWeights, matrix.length).slice();
      return { loss: reduceLosses(losses, problem), losses, inputGradient, matrixGradient };
    });
  }

  /** Ends the threads. The memory is freed once nothing refers to it. */
  async dispose(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#team.stop(this.#exports);
  }

  /** The same as `dispose`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** Numbers of a dtype in an array of the type that they are computed with. */
  readonly #widened = (dtype: FloatDType, values: FloatArray): ComputedArray => {
    if (values instanceof Float32Array || values instanceof Float64Array) return values;
    return withWorkspace(this.#heap, (space) => {
      const from = space.vector(values);
      const to = space.reserve(values.length * Float32Array.BYTES_PER_ELEMENT);
      this.#exports.widenAll(DTYPE_CODES[dtype], from, values.length, to);
      return space.floatsAt(to, values.length).slice();
    });
  };

  #overlap(a: FloatArray, b: FloatArray | Int32Array): boolean {
    // Two buffers of this memory are two objects, but offsets in either are in the same memory.
    const same = a.buffer === b.buffer || (this.#heap.owns(a) && this.#heap.owns(b));
    return same && a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
  }

  #requireRunning(): void {
    if (this.#stopped) throw new Error("this kernel was disposed; start another one");
    this.#team.assertComplete();
  }

  /** @param logits and `gradient`: an array, or its address in the kernel's memory */
  #run(
    problem: Problem,
    logits: FloatArray | number,
    labels: Int32Array | FloatArray,
    gradient?: FloatArray | number,
  ): LossResult {
    this.#requireRunning();
    const { dtype, rows, classes, weights, upstream, ignoreIndex, reduction, divisor, twoPass } = problem;
    const half = isHalf(dtype);
    const division = divide(rows, classes, this.threads, !half && !twoPass);
    return withWorkspace(this.#heap, (space) => {
      const lossesAt = space.reserve(rows * Float64Array.BYTES_PER_ELEMENT);
      const [indices, probabilities] = labels instanceof Int32Array ? [labels] : [undefined, labels];
      this.#exports.describe(
        DTYPE_CODES[dtype],
        rows,
        classes,
        space.vector(indices),
        space.vector(weights),
        space.vector(upstream),
        lossesAt,
        reduction === "mean" ? divisor : 1,
        problem.labelSmoothing,
        ignoreIndex !== undefined,
        ignoreIndex ?? 0,
        problem.exactTarget,
        twoPass,
      );
      this.#exports.place(
        ...space.matrix(logits, "in", dtype, division),
        ...space.matrix(probabilities, "in", dtype, division),
        ...space.matrix(gradient, "out", dtype, division),
      );
      this.#exports.divide(
        division.chunk,
        division.slots,
        space.reserve(division.slots * Int32Array.BYTES_PER_ELEMENT),
        space.reserve(this.#exports.scratchSize(classes, half) * division.threads),
        division.isSplit ? space.reserve(this.#exports.splitSize(classes)) : 0,
      );
      compute(this.#exports, this.#team, division, space.copies());
      // The faulty one is looked up only here: checking each in JavaScript takes as long as the kernel.
      if (probabilities && this.#exports.isImproper()) {
        requireProbabilities(this.#widened(dtype, probabilities), rows, classes);
      }
      const losses = new Float64Array(this.#heap.buffer, lossesAt, rows).slice();
      return { losses, loss: reduceLosses(losses, problem) };
    });
  }
}

function reduceLosses(losses: Float64Array, { reduction, upstream, divisor }: Problem): number {
  let sum = 0;
  for (let row = 0; row < losses.length; row++) {
    sum += (losses[row] as number) * (upstream ? (upstream[row] as number) : 1);
  }
  return reduction === "mean" ? sum / divisor : sum;
}

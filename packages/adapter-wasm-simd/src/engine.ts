import {
  DEFAULT_LOSS,
  DTYPES,
  type Engine,
  type EngineInfo,
  type FloatArray,
  type FloatDType,
  floatArray,
  floatArrayFrom,
  type GradientResult,
  type GradientTask,
  type Inputs,
  type Prepared,
  requireInputs,
  type Support,
} from "@softmax-bench/core";
import { fromHalfBits, type HalfDType, isHalf, toHalfBits } from "@softmax-bench/graph";
import type { GradientOptions, LossResult, SoftmaxKernel } from "@softmax-bench/wasm-simd";
import { METHODS } from "./methods.js";

const OTHER_METHODS = `one kernel written by hand, which has ${METHODS.join(", ")} only`;
/** manual/fused is the fastest method. Keeping the target's exponential apart costs nothing, so it is exact, too. */
const FUSED = "the kernel of manual/exact-target";

const WIDENED = "16-bit storage, float32 arithmetic; each entry is rounded once";

/** The bytes that the kernel addresses, less its own needs. */
const ADDRESSABLE = 4 * 2 ** 30 - 2 ** 26;

export class WasmSimdEngine implements Engine {
  readonly info: EngineInfo;
  readonly #kernel: SoftmaxKernel;

  constructor(info: EngineInfo, kernel: SoftmaxKernel) {
    this.info = info;
    this.#kernel = kernel;
  }

  supports({ method, dtype, rows, classes, loss }: GradientTask): Support {
    if (!METHODS.includes(method)) return { ok: false, reason: OTHER_METHODS };
    const matrices = loss?.targets === "probabilities" ? 3 : 2;
    // For matrices that pass through, each thread has two rows, or two chunks of 64 KB or 128.
    const entries = (rows + Math.min(rows, 2 * this.info.threads)) * classes;
    const weights = loss?.weighted ? 2 * classes : 0;
    // In half precision, each thread computes a row in float32.
    const widened = isHalf(dtype) ? Math.min(rows, this.info.threads) * classes * DTYPES.float32.bytes : 0;
    const bytes =
      (matrices * entries + weights) * DTYPES[dtype].bytes + widened + 4 * rows * DTYPES.float64.bytes;
    if (bytes > ADDRESSABLE) {
      return { ok: false, reason: `needs ${(bytes / 2 ** 30).toFixed(1)} GiB; WebAssembly addresses 4` };
    }
    const notes = [...(method === "manual/fused" ? [FUSED] : []), ...(isHalf(dtype) ? [WIDENED] : [])];
    return notes.length > 0 ? { ok: true, note: notes.join("; ") } : { ok: true };
  }

  async prepare(task: GradientTask, inputs: Inputs): Promise<Prepared> {
    const support = this.supports(task);
    if (!support.ok) throw new Error(support.reason);
    requireInputs(task, inputs);
    return new WasmSimdPrepared(this.#kernel, task, inputs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kernel[Symbol.asyncDispose]();
  }
}

/** Numbers as the kernel takes them: those in half precision, which are in a Float32Array elsewhere, as their bits. */
type Stored = FloatArray | Uint16Array;

const toStored = (dtype: FloatDType, values: FloatArray): Stored =>
  isHalf(dtype) ? toHalfBits(dtype, values as Float32Array) : values;

const fromStored = (dtype: FloatDType, stored: Stored): FloatArray =>
  stored instanceof Uint16Array ? fromHalfBits(dtype as HalfDType, stored) : stored;

/** The inputs and the gradient, in the kernel's memory. */
class WasmSimdPrepared implements Prepared {
  readonly readback = "copies";
  readonly #kernel: SoftmaxKernel;
  readonly #task: GradientTask;
  readonly #inputs: Inputs;
  readonly #allocated: (Stored | Int32Array)[] = [];
  /** Copies of the inputs to the kernel's memory. */
  readonly #uploads: (() => void)[] = [];
  readonly #logits: Stored;
  readonly #labels: Stored | Int32Array;
  readonly #gradient: Stored;
  readonly #options: GradientOptions & { readonly dtype: FloatDType };
  /** The array on the host that gradients are copied to each time. */
  #host: Stored | undefined;
  #loss: FloatArray | undefined;

  constructor(kernel: SoftmaxKernel, task: GradientTask, inputs: Inputs) {
    const { logits, labels, weights, upstream } = inputs;
    this.#kernel = kernel;
    this.#task = task;
    this.#inputs = inputs;
    try {
      this.#logits = this.#floats(logits);
      this.#labels = labels instanceof Int32Array ? this.#indices(labels) : this.#floats(labels);
      this.#gradient = this.#allocate(logits.length);
      const { reduction, ignoreIndex, labelSmoothing } = { ...DEFAULT_LOSS, ...task.loss };
      this.#options = {
        dtype: task.dtype,
        reduction,
        ignoreIndex,
        labelSmoothing,
        classes: task.classes,
        weights: weights && this.#floats(weights),
        upstream: upstream && this.#floats(upstream),
        exactTarget: task.method !== "manual/shifted",
        twoPass: task.method === "manual/two-pass",
      };
    } catch (error) {
      this.#free();
      throw error;
    }
    for (const upload of this.#uploads) upload();
  }

  async upload(): Promise<void> {
    for (const upload of this.#uploads) upload();
    this.#loss = undefined;
  }

  async forward(): Promise<void> {
    this.#kernel.loss(this.#logits, this.#labels, this.#options);
  }

  async gradient(): Promise<void> {
    this.#compute();
  }

  async read(): Promise<GradientResult> {
    const loss = this.#loss ?? this.#compute();
    const host = this.#onHost();
    host.set(this.#gradient);
    return { loss, gradient: fromStored(this.#task.dtype, host) };
  }

  async roundtrip(): Promise<GradientResult> {
    const { logits, labels, weights, upstream } = this.#inputs;
    const { dtype } = this.#task;
    const stored = (values: FloatArray) => toStored(dtype, values);
    const out = this.#onHost();
    const result = this.#kernel.softmaxCrossEntropy(
      stored(logits),
      labels instanceof Int32Array ? labels : stored(labels),
      {
        ...this.#options,
        weights: weights && stored(weights),
        upstream: upstream && stored(upstream),
        out,
      },
    );
    return { loss: this.#lossOf(result), gradient: fromStored(dtype, out) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#free();
  }

  #free(): void {
    for (const array of this.#allocated) this.#kernel.free(array);
  }

  #allocate(length: number): Stored {
    const array = this.#kernel.allocate(this.#task.dtype, length);
    this.#allocated.push(array);
    return array;
  }

  #floats(host: FloatArray): Stored {
    const device = this.#allocate(host.length);
    this.#uploads.push(() => device.set(toStored(this.#task.dtype, host)));
    return device;
  }

  #indices(host: Int32Array): Int32Array {
    const device = this.#kernel.allocate("int32", host.length);
    this.#allocated.push(device);
    this.#uploads.push(() => device.set(host));
    return device;
  }

  /** The gradient on the host. It is kept: new memory costs four times as much as copying, since each page is new. */
  #onHost(): Stored {
    const { dtype } = this.#task;
    const { length } = this.#gradient;
    this.#host ??= isHalf(dtype) ? new Uint16Array(length) : floatArray(dtype, length);
    return this.#host;
  }

  #compute(): FloatArray {
    const options = { ...this.#options, out: this.#gradient };
    this.#loss = this.#lossOf(this.#kernel.softmaxCrossEntropy(this.#logits, this.#labels, options));
    return this.#loss;
  }

  /** The loss in the task's dtype: one value, or one for each row. */
  #lossOf({ loss, losses }: LossResult): FloatArray {
    const values = this.#options.reduction === "none" ? losses : [loss];
    return floatArrayFrom(this.#task.dtype, values);
  }
}

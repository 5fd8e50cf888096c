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
import type {
  GradientOptions,
  FloatDType as KernelDType,
  LossResult,
  SoftmaxKernel,
} from "@softmax-bench/wasm-simd";
import { METHODS } from "./methods.js";

const OTHER_METHODS = `one kernel written by hand, which has ${METHODS.join(", ")} only`;
/** manual/fused is the fastest method. Keeping the target's exponential apart costs nothing, so it is exact, too. */
const FUSED = "the kernel of manual/exact-target";

/** The bytes that the kernel addresses, less its own needs. */
const ADDRESSABLE = 4 * 2 ** 30 - 2 ** 26;

const isOfKernel = (dtype: FloatDType): dtype is KernelDType => dtype === "float32" || dtype === "float64";

export class WasmSimdEngine implements Engine {
  readonly info: EngineInfo;
  readonly #kernel: SoftmaxKernel;

  constructor(info: EngineInfo, kernel: SoftmaxKernel) {
    this.info = info;
    this.#kernel = kernel;
  }

  supports({ method, dtype, rows, classes, loss }: GradientTask): Support {
    if (!isOfKernel(dtype)) return { ok: false, reason: `the kernel has no ${dtype}` };
    if (!METHODS.includes(method)) return { ok: false, reason: OTHER_METHODS };
    const matrices = loss?.targets === "probabilities" ? 3 : 2;
    // For matrices that pass through, each thread has two rows, or two chunks of 64 KB or 128.
    const entries = (rows + Math.min(rows, 2 * this.info.threads)) * classes;
    const weights = loss?.weighted ? 2 * classes : 0;
    const bytes = (matrices * entries + weights) * DTYPES[dtype].bytes + 4 * rows * DTYPES.float64.bytes;
    if (bytes > ADDRESSABLE) {
      return { ok: false, reason: `needs ${(bytes / 2 ** 30).toFixed(1)} GiB; WebAssembly addresses 4` };
    }
    return method === "manual/fused" ? { ok: true, note: FUSED } : { ok: true };
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

type Values = FloatArray | Int32Array;

/** The inputs and the gradient, in the kernel's memory. */
class WasmSimdPrepared implements Prepared {
  readonly readback = "copies";
  readonly #kernel: SoftmaxKernel;
  readonly #task: GradientTask;
  readonly #inputs: Inputs;
  readonly #allocated: Values[] = [];
  readonly #copies: [host: Values, device: Values][] = [];
  readonly #logits: FloatArray;
  readonly #labels: Values;
  readonly #gradient: FloatArray;
  readonly #options: GradientOptions;
  /** The array that `read` copies to each time. */
  #hostGradient: FloatArray | undefined;
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
        reduction,
        ignoreIndex,
        labelSmoothing,
        classes: task.classes,
        weights: weights && this.#floats(weights),
        upstream: upstream && this.#floats(upstream),
        exactTarget: task.method !== "manual/shifted",
      };
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  async upload(): Promise<void> {
    for (const [host, device] of this.#copies) device.set(host);
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
    const gradient = this.#onHost();
    gradient.set(this.#gradient);
    return { loss, gradient };
  }

  async roundtrip(): Promise<GradientResult> {
    const { logits, labels, weights, upstream } = this.#inputs;
    const gradient = this.#onHost();
    const options = { ...this.#options, weights, upstream, out: gradient };
    const loss = this.#lossOf(this.#kernel.softmaxCrossEntropy(logits, labels, options));
    return { loss, gradient };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#free();
  }

  #free(): void {
    for (const array of this.#allocated) this.#kernel.free(array);
  }

  #allocate(length: number): FloatArray {
    // The engine supports no other dtypes.
    const array = this.#kernel.allocate(this.#task.dtype as KernelDType, length);
    this.#allocated.push(array);
    return array;
  }

  #floats(host: FloatArray): FloatArray {
    return this.#copy(host, this.#allocate(host.length));
  }

  #indices(host: Int32Array): Int32Array {
    const device = this.#kernel.allocate("int32", host.length);
    this.#allocated.push(device);
    return this.#copy(host, device);
  }

  #copy<Device extends Values>(host: Values, device: Device): Device {
    device.set(host);
    this.#copies.push([host, device]);
    return device;
  }

  /** The gradient on the host. It is kept: new memory costs four times as much as copying, since each page is new. */
  #onHost(): FloatArray {
    const { length } = this.#gradient;
    this.#hostGradient ??= floatArray(this.#task.dtype, length);
    return this.#hostGradient;
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

import {
  type Engine,
  type EngineInfo,
  type FloatArray,
  type GradientResult,
  type GradientTask,
  type Inputs,
  type Prepared,
  type Program,
  programFor,
  refuseWithoutGraph,
  requireInputs,
  type Support,
} from "@softmax-bench/core";
import { interpret } from "./interpret.js";
import type { Jax, JaxArray } from "./load.js";

const LIBRARY = "jax-js ships no loss; this one is its logSoftmax at the labels";
const FLOAT64 = "jax-js computes exp and log with polynomials of single precision, in float64 too";

/** Runs a task as compiled functions of jax-js on its default device. */
export class JaxEngine implements Engine {
  readonly info: EngineInfo;
  readonly #jax: Jax;

  constructor(info: EngineInfo, jax: Jax) {
    this.info = info;
    this.#jax = jax;
  }

  supports({ method, dtype }: GradientTask): Support {
    if (!this.info.dtypes.includes(dtype)) return { ok: false, reason: `jax-js has no ${dtype} here` };
    const refusal = refuseWithoutGraph(method);
    if (refusal) return refusal;
    const notes = [method === "autograd/library" ? LIBRARY : "", dtype === "float64" ? FLOAT64 : ""];
    const note = notes.filter(Boolean).join("; ");
    return note ? { ok: true, note } : { ok: true };
  }

  async prepare(task: GradientTask, inputs: Inputs): Promise<Prepared> {
    const support = this.supports(task);
    if (!support.ok) throw new Error(support.reason);
    requireInputs(task, inputs);
    const prepared = new JaxPrepared(this.#jax, task, inputs);
    // Compilation takes place in the first call.
    await prepared.gradient();
    return prepared;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

type Pair = [loss: JaxArray, gradient: JaxArray];
type Feeds = Record<string, JaxArray>;
type Compute<Result, Operand = Feeds> = (operand: Operand) => Result;
type Jitted<Result, Operand = Feeds> = Compute<Result, Operand> & { dispose(): void };

class JaxPrepared implements Prepared {
  readonly readback = "copies";
  readonly #jax: Jax;
  readonly #task: GradientTask;
  readonly #inputs: Inputs;
  readonly #forward: Jitted<JaxArray>;
  readonly #lossAndGradient: Jitted<Pair>;
  readonly #first: Jitted<JaxArray, JaxArray>;
  #feeds: Feeds;
  #result: Pair | undefined;

  constructor(jax: Jax, task: GradientTask, inputs: Inputs) {
    this.#jax = jax;
    this.#task = task;
    this.#inputs = inputs;
    const program = programFor(task);
    this.#forward = jax.jit((feeds: Feeds) => interpret<"loss">(jax, program.forward, feeds).loss);
    this.#lossAndGradient = jax.jit(createLossAndGradient(jax, program));
    this.#first = jax.jit((x: JaxArray) => jax.numpy.ravel(x).slice([0, 1]));
    this.#feeds = this.#toDevice();
  }

  async upload(): Promise<void> {
    this.#release();
    for (const array of Object.values(this.#feeds)) array.dispose();
    this.#feeds = this.#toDevice();
  }

  async forward(): Promise<void> {
    const { upstream: _, ...feeds } = this.#feeds;
    const loss = this.#forward(referencesTo(feeds));
    await this.#finished(loss);
    loss.dispose();
  }

  async gradient(): Promise<void> {
    await this.#compute();
  }

  async read(): Promise<GradientResult> {
    const [loss, gradient] = this.#result ?? (await this.#compute());
    return { loss: await readFloats(this.#jax, loss), gradient: await readFloats(this.#jax, gradient) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#release();
    for (const array of Object.values(this.#feeds)) array.dispose();
    this.#forward.dispose();
    this.#lossAndGradient.dispose();
    this.#first.dispose();
  }

  async #compute(): Promise<Pair> {
    this.#release();
    const result = this.#lossAndGradient(referencesTo(this.#feeds));
    this.#result = result;
    await this.#finished(...result);
    return result;
  }

  /**
   * On a GPU one element is read, which cannot arrive before the kernel that writes it has ended: `blockUntilReady` copies all of
   * them on WebGL, and none on WebGPU. WebGL is read synchronously, since jax-js otherwise looks every 5 ms whether it has finished.
   */
  async #finished(...arrays: JaxArray[]): Promise<void> {
    const last = arrays.at(-1);
    if (last?.device === "webgl") this.#first(last.ref).dataSync();
    else if (last?.device === "webgpu") await this.#first(last.ref).data();
    else await this.#jax.blockUntilReady(arrays);
  }

  #release(): void {
    for (const array of this.#result ?? []) array.dispose();
    this.#result = undefined;
  }

  #toDevice(): Feeds {
    const { numpy } = this.#jax;
    const { rows, classes, dtype } = this.#task;
    const { logits, labels, weights, upstream } = this.#inputs;
    // An array of float16 is made of float32's on the device.
    const floats = (values: FloatArray, shape: number[]) => {
      const array = numpy.array(values as Float32Array<ArrayBuffer>, { shape });
      return dtype === "float16" ? numpy.astype(array, numpy.float16) : array;
    };
    return {
      logits: floats(logits, [rows, classes]),
      labels:
        labels instanceof Int32Array
          ? numpy.array(labels as Int32Array<ArrayBuffer>, { shape: [rows], dtype: numpy.int32 })
          : floats(labels, [rows, classes]),
      ...(weights ? { weights: floats(weights, [classes]) } : {}),
      ...(upstream ? { upstream: floats(upstream, [rows]) } : {}),
    };
  }
}

/** Functions of jax-js consume what they are given. */
const referencesTo = (feeds: Feeds): Feeds =>
  Object.fromEntries(Object.entries(feeds).map(([name, array]) => [name, array.ref]));

async function readFloats({ numpy }: Jax, array: JaxArray): Promise<FloatArray> {
  const isHalf = array.dtype === numpy.float16;
  const data = await (isHalf ? numpy.astype(array.ref, numpy.float32) : array.ref).data();
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  throw new Error(`jax-js returned ${data.constructor.name} where floating-point numbers were expected`);
}

/** By jax-js's own differentiation for an autograd program, as written for a manual one. */
function createLossAndGradient(jax: Jax, program: Program): Compute<Pair> {
  if (program.kind === "manual") {
    return (feeds) => {
      const { loss, gradient } = interpret<"loss" | "gradient">(jax, program.gradient, feeds);
      return [loss, gradient];
    };
  }
  return ({ logits, upstream, ...others }) => {
    const computeLoss = (x: JaxArray) =>
      interpret<"loss">(jax, program.forward, { logits: x, ...referencesTo(others) }).loss;
    if (!upstream) return jax.valueAndGrad(computeLoss)(logits as JaxArray) as Pair;
    const [loss, pullBack] = jax.vjp(computeLoss, [logits as JaxArray]);
    const [gradient] = pullBack(upstream);
    pullBack.dispose();
    return [loss, gradient];
  };
}

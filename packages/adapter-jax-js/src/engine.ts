import {
  type Engine,
  type EngineInfo,
  type GradientResult,
  type GradientTask,
  type Inputs,
  type Prepared,
  type Program,
  programFor,
  type Support,
} from "@softmax-bench/core";
import { interpret } from "./interpret.js";
import type { Jax, JaxArray } from "./load.js";
import { jaxDType } from "./op-table.js";

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
    const notes = [method === "autograd/library" ? LIBRARY : "", dtype === "float64" ? FLOAT64 : ""];
    const note = notes.filter(Boolean).join("; ");
    return note ? { ok: true, note } : { ok: true };
  }

  async prepare(task: GradientTask, inputs: Inputs): Promise<Prepared> {
    const support = this.supports(task);
    if (!support.ok) throw new Error(support.reason);
    const prepared = new JaxPrepared(this.#jax, task, inputs);
    // Compilation takes place in the first call.
    await prepared.gradient();
    return prepared;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

type Pair = [loss: JaxArray, gradient: JaxArray];

class JaxPrepared implements Prepared {
  readonly readback = "copies";
  readonly #jax: Jax;
  readonly #task: GradientTask;
  readonly #inputs: Inputs;
  readonly #forward: Jitted<JaxArray>;
  readonly #lossAndGradient: Jitted<Pair>;
  #logits: JaxArray;
  #labels: JaxArray;
  #result: Pair | undefined;

  constructor(jax: Jax, task: GradientTask, inputs: Inputs) {
    this.#jax = jax;
    this.#task = task;
    this.#inputs = inputs;
    const program = programFor(task);
    const lossOf = (logits: JaxArray, labels: JaxArray) =>
      interpret<"loss">(jax, program.forward, { logits, labels }).loss;
    this.#forward = jax.jit(lossOf);
    this.#lossAndGradient = jax.jit(lossAndGradientOf(jax, program, lossOf));
    [this.#logits, this.#labels] = this.#toDevice();
  }

  async upload(): Promise<void> {
    this.#logits.dispose();
    this.#labels.dispose();
    [this.#logits, this.#labels] = this.#toDevice();
  }

  async forward(): Promise<void> {
    const loss = this.#forward(this.#logits.ref, this.#labels.ref);
    await loss.blockUntilReady();
    loss.dispose();
  }

  async gradient(): Promise<void> {
    await this.#compute();
  }

  async read(): Promise<GradientResult> {
    const [loss, gradient] = this.#result ?? (await this.#compute());
    const [value] = await loss.ref.data();
    const data = await gradient.ref.data();
    if (data instanceof Float32Array || data instanceof Float64Array) {
      return { loss: Number(value), gradient: data };
    }
    throw new Error(`jax-js returned ${data.constructor.name} where floating-point numbers were expected`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#release();
    this.#logits.dispose();
    this.#labels.dispose();
    this.#forward.dispose();
    this.#lossAndGradient.dispose();
  }

  async #compute(): Promise<Pair> {
    this.#release();
    const result = this.#lossAndGradient(this.#logits.ref, this.#labels.ref);
    await this.#jax.blockUntilReady(result);
    this.#result = result;
    return result;
  }

  #release(): void {
    for (const array of this.#result ?? []) array.dispose();
    this.#result = undefined;
  }

  #toDevice(): [JaxArray, JaxArray] {
    const { numpy } = this.#jax;
    const { rows, classes, dtype } = this.#task;
    const { logits, labels } = this.#inputs;
    return [
      numpy.array(logits as Float32Array<ArrayBuffer>, {
        shape: [rows, classes],
        dtype: jaxDType(this.#jax, dtype),
      }),
      numpy.array(labels as Int32Array<ArrayBuffer>, { shape: [rows], dtype: numpy.int32 }),
    ];
  }
}

type Compute<Result> = (logits: JaxArray, labels: JaxArray) => Result;
type Jitted<Result> = Compute<Result> & { dispose(): void };

/** By jax-js's own differentiation for an autograd program, as written for a manual one. */
function lossAndGradientOf(jax: Jax, program: Program, lossOf: Compute<JaxArray>): Compute<Pair> {
  if (program.kind === "autograd") return jax.valueAndGrad(lossOf) as Compute<Pair>;
  return (logits, labels) => {
    const { loss, gradient } = interpret<"loss" | "gradient">(jax, program.gradient, { logits, labels });
    return [loss, gradient];
  };
}

import {
  type PreparedStep,
  programFor,
  type StepInputs,
  type StepResult,
  type StepTask,
} from "@softmax-bench/core";
import { type Graph, inputName, legalize, type Value } from "@softmax-bench/graph";
import * as tf from "@tensorflow/tfjs-core";
// tfjs-core alone cannot differentiate.
import "#all-gradients";
import { interpret } from "./interpret.js";
import { TFJS_KERNELS } from "./op-table.js";
import { softmaxCrossEntropy } from "./softmax-cross-entropy.js";

/** A training step: the tape differentiates the network; a manual method's gradient is a `customGrad` on top of it. */
export class TfjsStep implements PreparedStep {
  readonly #network: Graph;
  readonly #parameters: readonly string[];
  readonly #lossOf: (logits: tf.Tensor2D, labels: tf.Tensor1D) => tf.Scalar;

  constructor({ method, network, parameters, dtype }: StepTask) {
    this.#network = legalize(network, TFJS_KERNELS);
    this.#parameters = parameters;
    const { logits } = network.outputs;
    const [rows = 1, classes = 1] = logits?.shape ?? [];
    const program = programFor({ method, dtype, rows, classes });
    this.#lossOf =
      program.kind === "manual"
        ? softmaxCrossEntropy(method)
        : (x, labels) => interpret<"loss">(program.forward, { logits: x, labels }).loss as tf.Scalar;
  }

  async run({ values, labels }: StepInputs): Promise<StepResult> {
    const given = new Map(this.#network.inputs.map((value) => [inputName(value), uploaded(value, values)]));
    const indices = tf.tensor1d(labels, "int32");
    const names = this.#parameters;
    const loss = (...varied: tf.Tensor[]) => {
      const own = names.map((name, index) => [name, varied[index] as tf.Tensor] as const);
      const fed = { ...Object.fromEntries(given), ...Object.fromEntries(own) };
      return this.#lossOf(interpret<"logits">(this.#network, fed).logits as tf.Tensor2D, indices);
    };
    try {
      const { value, grads } = tf.valueAndGrads(loss)(names.map((name) => given.get(name) as tf.Tensor));
      const [computed = 0] = await value.data();
      const gradients: Record<string, Float32Array> = {};
      for (const [index, name] of names.entries()) {
        gradients[name] = (await grads[index]?.data<"float32">()) ?? new Float32Array(0);
      }
      tf.dispose([value, grads]);
      return { loss: computed, gradients };
    } finally {
      tf.dispose([[...given.values()], indices]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function uploaded(input: Value, values: StepInputs["values"]): tf.Tensor {
  const given = values[inputName(input)];
  if (!(given instanceof Float32Array))
    throw new Error(`TensorFlow.js takes ${inputName(input)} as a Float32Array`);
  return tf.tensor(given, [...input.shape], "float32");
}

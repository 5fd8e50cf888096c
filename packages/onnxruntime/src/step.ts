import {
  methodHead,
  type PreparedStep,
  type StepInputs,
  type StepResult,
  type StepTask,
} from "@softmax-bench/core";
import { inputName } from "@softmax-bench/graph";
import { requireLabels } from "@softmax-bench/numerics";
import { gradientName, serialize, trainingGraph } from "@softmax-bench/onnx";
import type { Provider } from "./provider.js";
import { type RuntimeTensor, readFloats, type Session } from "./runtime.js";

/** A step of training as one model: inputs, labels and parameters in; loss and gradients out. */
export async function prepareStep(
  { runtime, session, legalize }: Pick<Provider, "runtime" | "session" | "legalize">,
  { method, dtype, network, parameters }: StepTask,
): Promise<PreparedStep> {
  const values = new Map(network.inputs.map((value) => [inputName(value), value]));
  const graph = trainingGraph(
    { ...network, parameters: values },
    { head: (logits) => methodHead(method, logits), wrt: parameters },
  );
  const legal = legalize(graph);
  // Beyond "basic", ONNX Runtime moves double scales into single-precision attributes.
  const options = dtype === "float64" ? { ...session, graphOptimizationLevel: "basic" as const } : session;
  const compiled = await runtime.InferenceSession.create(serialize(legal), options);
  return new OnnxStep(runtime, compiled, network, legal.inputs, parameters);
}

class OnnxStep implements PreparedStep {
  readonly #runtime: Provider["runtime"];
  readonly #session: Session;
  readonly #shape: readonly number[];
  readonly #inputs: StepTask["network"]["inputs"];
  readonly #parameters: readonly string[];

  constructor(
    runtime: Provider["runtime"],
    session: Session,
    network: StepTask["network"],
    inputs: StepTask["network"]["inputs"],
    parameters: readonly string[],
  ) {
    this.#runtime = runtime;
    this.#session = session;
    this.#shape = network.outputs.logits?.shape ?? [];
    this.#inputs = inputs;
    this.#parameters = parameters;
  }

  async run({ values, labels }: StepInputs): Promise<StepResult> {
    const { Tensor } = this.#runtime;
    const [rows = 0, classes = 0] = this.#shape;
    requireLabels(labels, rows, classes);
    const feeds: Record<string, RuntimeTensor> = {};
    for (const { dtype, shape, node } of this.#inputs) {
      const name = String(node.attributes.name);
      if (name === "labels") {
        feeds[name] =
          dtype === "int64"
            ? new Tensor("int64", BigInt64Array.from(labels, BigInt), shape)
            : new Tensor("int32", labels, shape);
        continue;
      }
      const given = values[name];
      if (!given) throw new Error(`the step needs ${name}`);
      feeds[name] = new Tensor(dtype as "float32", given as Float32Array, shape);
    }
    const wanted = ["loss", ...this.#parameters.map(gradientName)];
    const outputs = await this.#session.run(feeds, wanted);
    const gradients = this.#parameters.map(
      (name) => [name, readFloats(outputs, gradientName(name))] as const,
    );
    return { loss: readFloats(outputs, "loss")[0] as number, gradients: Object.fromEntries(gradients) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.release();
  }
}

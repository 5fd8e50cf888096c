import {
  differentiate,
  evaluate,
  type FloatDType,
  type Graph,
  GraphError,
  inputName,
  isFloat,
  substitute,
  type Tensor,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import { requireLabels } from "@softmax-bench/numerics";
import type { FloatArray } from "./float-array.js";
import type { LossOptions } from "./loss-options.js";
import type { MethodId } from "./methods.js";
import { programFor } from "./program.js";

/** One step of training: the loss of a network on a batch, by one method, and its gradients. */
export interface StepTask {
  readonly method: MethodId;
  readonly dtype: FloatDType;
  /** Inputs: the batch's `images`, and the parameters by name; output `logits` `[N, C]`. */
  readonly network: Graph;
  /** Names of the inputs to differentiate with respect to. */
  readonly parameters: readonly string[];
}

/** The inputs of a step: the network's inputs by name, row-major, and class indices `[N]`. */
export interface StepInputs {
  readonly values: Readonly<Record<string, FloatArray>>;
  readonly labels: Int32Array;
}

export interface StepResult {
  readonly loss: number;
  /** By parameter, row-major, in the task's dtype. */
  readonly gradients: Readonly<Record<string, FloatArray>>;
}

/** A compiled step. */
export interface PreparedStep extends AsyncDisposable {
  /** Uploads, computes and copies back. */
  run(inputs: StepInputs): Promise<StepResult>;
}

/** A method's loss on top of logits. */
export interface MethodHead {
  /** `labels`: int64 `[N]`; `weights` `[C]` and `upstream` `[N]` where the options ask for them. */
  readonly inputs: readonly Value[];
  /** By default, the mean over rows that are not ignored. */
  readonly loss: Value;
  /** The gradient with respect to the loss of each row, if `gradient` has to be derived. */
  readonly upstream?: Value | undefined;
  /** The gradient with respect to the logits, of a manual method; for an autograd method, it is derived from `loss`. */
  readonly gradient?: Value;
}

/** @throws GraphError if the logits are not floating-point `[N, C]` */
export function methodHead(method: MethodId, logits: Value, options: Partial<LossOptions> = {}): MethodHead {
  const { dtype, shape } = logits;
  const [rows, classes, ...others] = shape;
  if (!isFloat(logits) || rows === undefined || classes === undefined || others.length > 0) {
    throw new GraphError(`logits must be floating-point [N, C], got ${dtype}[${shape}]`);
  }
  const program = programFor({ method, dtype: dtype as FloatDType, rows, classes, loss: options });
  const graph = program.kind === "manual" ? program.gradient : program.forward;
  const [own, ...given] = graph.inputs;
  const { loss, gradient } = substitute(graph, new Map(own ? [[own, logits]] : []));
  if (!loss) throw new GraphError(`${method} has no loss`);
  if (program.kind === "manual") return { inputs: given, loss, ...(gradient && { gradient }) };
  const { upstream } = program;
  return { inputs: upstream ? [...given, upstream] : given, loss, upstream };
}

/** The reference for every backend's step: the graph's own interpreter, in seconds instead of milliseconds. */
export function interpretStep(
  { method, network, parameters }: StepTask,
  { values, labels }: StepInputs,
): StepResult {
  const { logits } = network.outputs;
  if (!logits) throw new GraphError("the network has no output logits");
  const head = methodHead(method, logits);
  const [rows = 0, classes = 0] = logits.shape;
  requireLabels(labels, rows, classes);
  const wrt = parameters.map((name) => {
    const found = network.inputs.find((input) => inputName(input) === name);
    if (!found) throw new GraphError(`the network has no parameter ${name}`);
    return found;
  });
  const gradients = head.gradient ? differentiate(logits, wrt, head.gradient) : differentiate(head.loss, wrt);
  const named = parameters.map((name, index) => [name, gradients[index] as Value] as const);
  const feeds = network.inputs.map((input): [string, Tensor] => {
    const { dtype, shape } = input;
    return [inputName(input), tensor(dtype, shape, values[inputName(input)] ?? [])];
  });
  const computed = evaluate(
    {
      name: "step",
      inputs: [...network.inputs, ...head.inputs],
      outputs: { ...Object.fromEntries(named), loss: head.loss },
    },
    { ...Object.fromEntries(feeds), labels: tensor("int64", [labels.length], labels) },
  );
  return {
    loss: Number(computed.loss?.data[0]),
    gradients: Object.fromEntries(parameters.map((name) => [name, computed[name]?.data as FloatArray])),
  };
}

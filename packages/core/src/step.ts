import {
  type FloatDType,
  type Graph,
  GraphError,
  isFloat,
  substitute,
  type Value,
} from "@softmax-bench/graph";
import type { FloatArray } from "./float-array.js";
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

/** What a step is computed from: the network's inputs by name, row-major, and class indices `[N]`. */
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
  /** `labels`: int64 `[N]`. */
  readonly inputs: readonly Value[];
  /** The mean over rows. */
  readonly loss: Value;
  /** With respect to the logits, of a manual method; that of an autograd method is to be derived from `loss`. */
  readonly gradient?: Value;
}

/** @throws GraphError if the logits are not floating-point `[N, C]`. */
export function methodHead(method: MethodId, logits: Value): MethodHead {
  const { dtype, shape } = logits;
  const [rows, classes, ...others] = shape;
  if (!isFloat(logits) || rows === undefined || classes === undefined || others.length > 0) {
    throw new GraphError(`logits must be floating-point [N, C], got ${dtype}[${shape}]`);
  }
  const program = programFor({ method, dtype: dtype as FloatDType, rows, classes });
  const graph = program.kind === "manual" ? program.gradient : program.forward;
  const [own, ...inputs] = graph.inputs;
  const { loss, gradient } = substitute(graph, new Map(own ? [[own, logits]] : []));
  if (!loss) throw new GraphError(`${method} has no loss`);
  return { inputs, loss, ...(gradient && { gradient }) };
}

import { type FloatDType, type Graph, input } from "@softmax-bench/graph";
import type { LossInputs } from "./formulations/formulation.js";
import { type MethodId, methodOf } from "./methods.js";

/** What a backend is asked for: one method on one shape, in one dtype. */
export interface GradientTask {
  readonly method: MethodId;
  readonly dtype: FloatDType;
  readonly rows: number;
  readonly classes: number;
}

/**
 * A task as graphs with inputs `logits` and `labels`. A manual program brings its gradient; of an autograd
 * program, the backend differentiates output `loss` with respect to input `logits`.
 */
export type Program =
  | { readonly kind: "autograd"; readonly forward: Graph }
  | { readonly kind: "manual"; readonly forward: Graph; readonly gradient: Graph };

/** @throws RangeError if there is no such method. */
export function programFor(task: GradientTask): Program {
  const { formulation, kind } = methodOf(task.method);
  const inputs: LossInputs = {
    logits: input("logits", task.dtype, [task.rows, task.classes]),
    labels: input("labels", "int64", [task.rows]),
  };
  const graph = (outputs: Graph["outputs"]): Graph => ({
    name: task.method,
    inputs: [inputs.logits, inputs.labels],
    outputs,
  });
  if (kind === "autograd" && formulation.loss) {
    return { kind, forward: graph({ loss: formulation.loss(inputs) }) };
  }
  if (kind === "manual" && formulation.lossAndGradient) {
    const { loss, gradient } = formulation.lossAndGradient(inputs);
    return { kind, forward: graph({ loss }), gradient: graph({ loss, gradient }) };
  }
  throw new RangeError(`formulation ${formulation.id} has no ${kind} method`);
}

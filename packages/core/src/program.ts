import {
  differentiate,
  type FloatDType,
  type Graph,
  GraphError,
  input,
  scalar,
  type Value,
  where,
} from "@softmax-bench/graph";
import { requireOptions, requireShape } from "@softmax-bench/numerics";
import type { LossAndGradient, LossInputs, ProgramKernels } from "./formulations/formulation.js";
import { isIgnored } from "./formulations/terms.js";
import { DEFAULT_LOSS, type LossOptions } from "./loss-options.js";
import { findMethod, type MethodId } from "./methods.js";

/** A backend's unit of work: one method on one shape, in one dtype. */
export interface GradientTask {
  readonly method: MethodId;
  readonly dtype: FloatDType;
  readonly rows: number;
  readonly classes: number;
  /** Loss options that differ from the mean over labelled rows. */
  readonly loss?: Partial<LossOptions> | undefined;
}

/**
 * A task as graphs, whose inputs are named after the fields of `Inputs`. A manual program includes its gradient. For an
 * autograd program, the backend differentiates output `loss` with respect to input `logits`, from `upstream` (the
 * gradient of some later quantity with respect to the loss) if the loss is one per row.
 */
export type Program =
  | { readonly kind: "autograd"; readonly forward: Graph; readonly upstream: Value | undefined }
  | {
      readonly kind: "manual";
      readonly forward: Graph;
      readonly gradient: Graph;
      /** The same as `gradient`, but faster, and valid only if its loss is finite: see `Formulation.shortcut`. */
      readonly shortcut: Graph | undefined;
    };

/** @throws RangeError if there is no such method, or if the shape or options are invalid or contradictory */
export function programFor(task: GradientTask, kernels: ProgramKernels = {}): Program {
  const { formulation, kind } = findMethod(task.method);
  const { logits, ...others } = buildInputs(task);
  const inputs = { ...others, logits: withoutIgnored(logits, others) };
  const { labels, weights, upstream } = inputs;
  const forwardInputs = [logits, labels, ...(weights ? [weights] : [])];
  const forward = (loss: Value): Graph => ({ name: task.method, inputs: forwardInputs, outputs: { loss } });
  if (kind === "autograd" && formulation.loss) {
    return { kind, forward: forward(formulation.loss(inputs)), upstream };
  }
  if (kind === "manual" && formulation.lossAndGradient) {
    const { loss, gradient } = formulation.lossAndGradient(inputs);
    const shortcut = formulation.shortcut?.(inputs, kernels);
    const gradientInputs = [...forwardInputs, ...(upstream ? [upstream] : [])];
    const backward = (outputs: LossAndGradient): Graph => ({
      name: task.method,
      inputs: gradientInputs,
      outputs: { ...outputs },
    });
    return {
      kind,
      forward: forward(loss),
      gradient: backward({ loss, gradient }),
      shortcut: shortcut && backward(shortcut),
    };
  }
  throw new RangeError(`${task.method} has no graph: it takes a kernel of its own`);
}

/**
 * Returns a program as one graph with outputs `loss` and `gradient`, for runtimes that cannot differentiate: the
 * backward pass of an autograd program is derived here.
 */
export function lossAndGradientGraph(program: Program): Graph {
  if (program.kind === "manual") return program.gradient;
  const { forward, upstream } = program;
  const [logits] = forward.inputs;
  const { loss } = forward.outputs;
  if (!logits || !loss) throw new GraphError(`${forward.name} needs an input and the output "loss"`);
  const [gradient] = differentiate(loss, [logits], upstream);
  const inputs = [...forward.inputs, ...(upstream ? [upstream] : [])];
  return { ...forward, inputs, outputs: { loss, gradient: gradient as Value } };
}

/**
 * The logits with zeros in ignored rows: nothing in these rows, masked or not finite, reaches the loss, and they
 * receive no gradient.
 */
function withoutIgnored(logits: Value, inputs: Pick<LossInputs, "labels" | "options">): Value {
  const ignored = isIgnored(inputs);
  return ignored ? where(ignored, scalar(0, logits.dtype), logits) : logits;
}

function buildInputs({ dtype, rows, classes, loss }: GradientTask): LossInputs {
  const options = { ...DEFAULT_LOSS, ...loss };
  requireOptions(options);
  requireShape(rows, classes);
  const indices = options.targets === "labels";
  return {
    logits: input("logits", dtype, [rows, classes]),
    labels: indices ? input("labels", "int64", [rows]) : input("labels", dtype, [rows, classes]),
    weights: options.weighted ? input("weights", dtype, [classes]) : undefined,
    upstream: options.reduction === "none" ? input("upstream", dtype, [rows]) : undefined,
    options,
  };
}

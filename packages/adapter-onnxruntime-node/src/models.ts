import { type GradientTask, type Program, programFor } from "@softmax-bench/core";
import {
  constant,
  differentiate,
  elideExpand,
  type Graph,
  GraphError,
  gatherElements,
  reshape,
  rewrite,
  sizeOf,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import { oneHotAsEqual, serialize } from "@softmax-bench/onnx";

/** The ONNX models of a task, as bytes. Both take `logits` [N, C] and `labels` [N]. */
export interface Models {
  /** Output: `loss`. */
  readonly forward: Uint8Array;
  /**
   * Outputs: `loss`, `gradient` and `probe`, one element of the gradient. Whoever asks for `probe` makes ONNX
   * Runtime compute all of the gradient and move next to nothing.
   */
  readonly gradient: Uint8Array;
}

/** Writes a task's forward and backward computation as ONNX models that ONNX Runtime's CPU kernels can run. */
export function modelsFor(task: GradientTask): Models {
  const program = programFor(task);
  const full = lossAndGradient(program);
  return {
    forward: serialize(legalize(program.forward)),
    gradient: serialize(legalize({ ...full, outputs: withProbe(full.outputs) })),
  };
}

const legalize = (graph: Graph): Graph => rewrite(graph, elideExpand, oneHotAsEqual);

/** ONNX Runtime differentiates nothing: the backward of an autograd program is derived here, as another graph. */
function lossAndGradient(program: Program): Graph {
  if (program.kind === "manual") return program.gradient;
  const { forward } = program;
  const [logits] = forward.inputs;
  const { loss } = forward.outputs;
  if (!logits || !loss) throw new GraphError(`${forward.name} needs an input and the output "loss"`);
  const [gradient] = differentiate(loss, [logits]);
  return { ...forward, outputs: { loss, gradient: gradient as Value } };
}

function withProbe({ loss, gradient }: Graph["outputs"]): Graph["outputs"] {
  if (!loss || !gradient) throw new GraphError('a gradient graph needs the outputs "loss" and "gradient"');
  const first = constant(tensor("int64", [1, 1], [0]));
  return { loss, gradient, probe: gatherElements(reshape(gradient, [1, sizeOf(gradient.shape)]), first, 1) };
}

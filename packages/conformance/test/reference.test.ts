import { describeBackend } from "@softmax-bench/conformance";
import {
  type Backend,
  DTYPE_IDS,
  type Engine,
  type FloatArray,
  type GradientTask,
  type Inputs,
  type Prepared,
  programFor,
  refuseWithoutGraph,
} from "@softmax-bench/core";
import { differentiate, evaluate, type Graph, type Tensor, type Value } from "@softmax-bench/graph";

/** The suite, on the one implementation that no runtime has a part in: the graphs' reference interpreter. */
const reference: Backend = {
  id: "reference-interpreter",
  dtypes: DTYPE_IDS,
  probe: async () => ({ available: true }),
  open: async (): Promise<Engine> => ({
    info: {
      engine: { name: "reference interpreter", version: "1.0", code: "javascript" },
      device: { kind: "cpu", name: "JavaScript" },
      threads: 1,
      dtypes: DTYPE_IDS,
    },
    supports: ({ method }) => refuseWithoutGraph(method) ?? { ok: true },
    prepare: async (task, inputs) => prepare(task, inputs),
    [Symbol.asyncDispose]: async () => {},
  }),
};

function prepare(task: GradientTask, inputs: Inputs): Prepared {
  const graph = lossAndGradient(task);
  let feeds = feedsOf(task, inputs);
  return {
    readback: "recomputes",
    upload: async () => {
      feeds = feedsOf(task, inputs);
    },
    forward: async () => {},
    gradient: async () => {},
    read: async () => {
      const { loss, gradient } = evaluate(graph, feeds) as { loss: Tensor; gradient: Tensor };
      return { loss: loss.data as FloatArray, gradient: gradient.data as FloatArray };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

function lossAndGradient(task: GradientTask): Graph {
  const program = programFor(task);
  if (program.kind === "manual") return program.gradient;
  const { loss } = program.forward.outputs as { loss: Value };
  const [logits] = program.forward.inputs as [Value];
  const [gradient] = differentiate(loss, [logits], program.upstream) as [Value];
  return { ...program.forward, outputs: { loss, gradient } };
}

function feedsOf({ dtype, rows, classes }: GradientTask, inputs: Inputs): Record<string, Tensor> {
  const { logits, labels, weights, upstream } = inputs;
  const floats = (shape: number[], data: FloatArray): Tensor => ({ dtype, shape, data: data.slice() });
  return {
    logits: floats([rows, classes], logits),
    labels:
      labels instanceof Int32Array
        ? { dtype: "int64", shape: [rows], data: BigInt64Array.from(labels, BigInt) }
        : floats([rows, classes], labels),
    ...(weights ? { weights: floats([classes], weights) } : {}),
    ...(upstream ? { upstream: floats([rows], upstream) } : {}),
  };
}

await describeBackend(reference, { trains: false });

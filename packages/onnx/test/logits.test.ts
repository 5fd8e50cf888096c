import {
  constant,
  differentiate,
  elementsOf,
  evaluate,
  input,
  inputName,
  isFloat,
  legalize,
  optimize,
  sizeOf,
  type Tensor,
  tensor,
} from "@softmax-bench/graph";
import {
  ONNXRUNTIME_CPU,
  parseModel,
  type ReadGraph,
  serializeBatched,
  trainingGraph,
} from "@softmax-bench/onnx";
import { describe, expect, it } from "vitest";
import { attribute, floats, modelOf, type NodeInit, type Parts } from "./build-model.js";
import { numbersFrom } from "./gradients.js";
import { expectClose, numbers, runModel } from "./support.js";

const node = (
  opType: string,
  names: string[],
  output: string,
  attributes: Record<string, number | number[]> = {},
) =>
  ({
    opType,
    input: names,
    output: [output],
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  }) as NodeInit;
const weights = floats("w", [3, 4], numbers(12));
const product = node("MatMul", ["x", "w"], "z");
const read = (parts: Parts, batch = 2) =>
  parseModel(modelOf({ tensors: [weights], ...parts })).graph({ batch });

describe("what is refused as logits, unless forced", () => {
  it.each<[string, NodeInit[], string]>([
    [
      "Softmax",
      [product, node("Softmax", ["z"], "y")],
      '"y" comes out of Softmax, and the loss takes logits: choose "z" instead',
    ],
    ["LogSoftmax", [product, node("LogSoftmax", ["z"], "y")], '"y" comes out of LogSoftmax'],
    ["Sigmoid", [product, node("Sigmoid", ["z"], "y")], '"y" comes out of Sigmoid'],
    [
      "a Softmax that is moved",
      [product, node("Softmax", ["z"], "p"), node("Transpose", ["p"], "t"), node("Transpose", ["t"], "y")],
      '"y" comes out of Softmax, and the loss takes logits: choose "z" instead',
    ],
    [
      "the logarithm of Softmax",
      [product, node("Softmax", ["z"], "p"), node("Log", ["p"], "y")],
      '"y" comes out of Softmax',
    ],
    [
      "a softmax that is written out",
      [product, node("Exp", ["z"], "e"), node("ReduceSum", ["e"], "s"), node("Div", ["e", "s"], "y")],
      '"y" comes out of a softmax',
    ],
    [
      "one class",
      [product, node("ReduceMean", ["z"], "y", { axes: [1] })],
      '"y" is float32[2,1], with one class, for which softmax cross-entropy is 0 whatever the label',
    ],
  ])("%s", (_, nodes, message) => {
    const graph = read({ nodes });
    expect(() => trainingGraph(graph)).toThrow(message);
    expect(Object.keys(trainingGraph(graph, { force: true }).outputs)).toEqual(["loss", "y", "w.grad"]);
  });

  it("a value that is not there", () => {
    const graph = read({ nodes: [node("MatMul", ["x", "w"], "y")] });
    expect(() => trainingGraph(graph, { logits: "t" })).toThrow(
      'there is no value "t" in the model; its outputs are "y"',
    );
  });
});

it("logits may be a value inside the model", () => {
  const graph = read({ nodes: [product, node("Softmax", ["z"], "y")] });
  const inner = trainingGraph(graph, { logits: "z" });
  const direct = trainingGraph(read({ nodes: [{ ...product, output: ["y"] }] }));
  const feeds = feedsFor(direct, [2]);
  expectClose(
    { loss: evaluate(inner, feeds).loss as Tensor },
    { loss: evaluate(direct, feeds).loss as Tensor },
    0,
  );
  expect(Object.keys(inner.outputs)).toEqual(["loss", "y", "w.grad"]);
});

/** Labels, one of them ignored, and numbers for everything else. */
function feedsFor({ inputs }: Pick<ReadGraph, "inputs">, labels: readonly number[]): Record<string, Tensor> {
  const count = sizeOf(labels);
  return Object.fromEntries(
    inputs.map(({ dtype, shape, node: of }, seed) => {
      const values = isFloat({ dtype, shape })
        ? numbersFrom(seed + 1, sizeOf(shape))
        : Array.from({ length: count }, (_, at) => (at === 3 ? -100 : (at * 7) % 3));
      return [inputName({ dtype, shape, node: of, output: 0 }), tensor(dtype, shape, values)] as const;
    }),
  );
}

const conv = [node("Conv", ["x", "k"], "y")];
const kernel = (rank: number) => floats("k", [3, 2, ...new Array<number>(rank - 2).fill(1)], numbers(6));

/** By name: a model, the shape of its labels, and the axis of its classes. */
const RANKED: Readonly<Record<string, [Parts, number[], number]>> = {
  "[N, C, L] of a convolution": [{ shape: ["batch", 2, 5], tensors: [kernel(3)], nodes: conv }, [5], 1],
  "[N, C, H, W] of a convolution": [
    { shape: ["batch", 2, 2, 3], tensors: [kernel(4)], nodes: conv },
    [2, 3],
    1,
  ],
  "[N, H, W, C] of a convolution that is transposed": [
    {
      shape: ["batch", 2, 2, 3],
      tensors: [kernel(4)],
      nodes: [node("Conv", ["x", "k"], "c"), node("Transpose", ["c"], "y", { perm: [0, 2, 3, 1] })],
    },
    [2, 3],
    3,
  ],
  "[B, T, V] of a product": [
    {
      shape: ["batch", 5, 3],
      nodes: [product, node("Add", ["z", "b"], "y")],
      tensors: [weights, floats("b", [4], [1, 2, 3, 4])],
    },
    [5],
    2,
  ],
  "[B, T, V] of a product that is reshaped": [
    {
      shape: ["batch", 5, 3],
      tensors: [
        weights,
        { name: "s", dataType: 7, dims: [2n], int64Data: [-1n, 3n] },
        { name: "r", dataType: 7, dims: [3n], int64Data: [-1n, 5n, 4n] },
      ],
      nodes: [
        node("Reshape", ["x", "s"], "rows"),
        node("Gemm", ["rows", "w"], "z"),
        node("Reshape", ["z", "r"], "y"),
      ],
    },
    [5],
    2,
  ],
};

describe("logits of a higher rank", () => {
  /** −log softmax at each label that counts, as NumPy would compute it: independent of any graph. */
  function meanLoss({ data, shape }: Tensor, axis: number, labels: Tensor): number {
    const inner = sizeOf(shape.slice(axis + 1));
    const classes = shape[axis] as number;
    const losses = Array.from(labels.data, Number).flatMap((label, position) => {
      if (label === -100) return [];
      const start = Math.floor(position / inner) * classes * inner + (position % inner);
      const row = Array.from({ length: classes }, (_, at) => Number(data[start + at * inner]));
      return [Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - (row[label] as number)];
    });
    return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  }

  it.each(Object.entries(RANKED))(
    "%s: labels have their shape, the mean is over all that count",
    async (_, [parts, inner, axis]) => {
      const graphOf = (batch: number) => trainingGraph(read(parts, batch));
      const graph = graphOf(2);
      expect(graph.inputs.at(-1)?.shape).toEqual([2, ...inner]);
      const feeds = feedsFor(graph, [2, ...inner]);
      const expected = evaluate(graph, feeds);
      const loss = meanLoss(expected.y as Tensor, axis, feeds.labels as Tensor);
      expect(Number(expected.loss?.data[0])).toBeCloseTo(loss, 5);
      const bytes = serializeBatched((batch) =>
        legalize(optimize(graphOf(batch), { fold: false }), ONNXRUNTIME_CPU),
      );
      expectClose(await runModel(bytes, feeds), expected, 1e-5);
      // A central difference along all weights at once.
      const name = Object.keys(feeds).find((of) => of === "k" || of === "w") as string;
      const { shape } = feeds[name] as Tensor;
      const stored = elementsOf(feeds[name] as Tensor).map(Number);
      const lossAt = (step: number) => {
        const moved = stored.map((value, at) => value + step * Math.sin(at));
        const { y } = evaluate(graph, { ...feeds, [name]: tensor("float32", shape, moved) });
        return meanLoss(y as Tensor, axis, feeds.labels as Tensor);
      };
      const gradient = elementsOf(expected[`${name}.grad`] as Tensor).map(Number);
      const slope = gradient.reduce((sum, value, at) => sum + value * Math.sin(at), 0);
      expect(slope).toBeCloseTo((lossAt(1e-2) - lossAt(-1e-2)) / 2e-2, 3);
    },
  );

  it("takes a head with a gradient of its own", () => {
    const graph = read(RANKED["[N, C, H, W] of a convolution"]?.[0] as Parts);
    const rows = (logits: { shape: readonly number[] }) =>
      input("labels", "int64", [logits.shape[0] as number]);
    const own = trainingGraph(graph, {
      head: (logits) => {
        const labels = rows(logits);
        const loss = constant(tensor("float32", [], [7]));
        return { inputs: [labels], loss, gradient: logits };
      },
    });
    const [y] = Object.values(graph.outputs);
    const [expected] = y ? differentiate(y, [...graph.parameters.values()], y) : [];
    const feeds = feedsFor(own, [2, 2, 3]);
    const outputs = evaluate({ ...own, outputs: { own: own.outputs["k.grad"], expected } as never }, feeds);
    expectClose({ g: outputs.own as Tensor }, { g: outputs.expected as Tensor }, 1e-6);
  });

  it("takes the axis that it is told, from the end too", () => {
    const [parts] = RANKED["[N, C, L] of a convolution"] as [Parts, number[], number];
    expect(trainingGraph(read(parts), { classAxis: -1 }).inputs.at(-1)?.shape).toEqual([2, 3]);
    expect(() => trainingGraph(read(parts), { classAxis: 3 })).toThrow(
      "class axis 3 is outside logits [2,3,5], whose axis 0 is the batch: give 1 to 2",
    );
  });

  it("asks for the axis where no layer tells it", () => {
    const parts = { shape: ["batch", 3, 5], nodes: [node("Relu", ["x"], "y")] };
    expect(() => trainingGraph(read(parts), { wrt: ["x"] })).toThrow(
      "logits [2,3,5] may have their classes on any axis from 1 to 2: name it (`classAxis`)",
    );
  });
});

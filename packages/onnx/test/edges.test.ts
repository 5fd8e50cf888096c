import {
  constant,
  evaluate,
  foldConstants,
  input,
  rewrite,
  softmaxCrossEntropyLoss,
  tensor,
  withBudget,
} from "@softmax-bench/graph";
import { crossEntropyHead, parseModel, serialize, withCheckedLabels } from "@softmax-bench/onnx";
import { describe, expect, it } from "vitest";
import {
  attribute,
  BOOL,
  DOUBLE,
  FLOAT,
  floats,
  ints,
  modelOf,
  type NodeInit,
  type Parts,
} from "./build-model.js";

const INT64_MAX = 2n ** 63n - 1n;
const node = (
  opType: string,
  names: string[],
  output = "y",
  attributes: ReturnType<typeof attribute>[] = [],
) => ({ opType, input: names, output: [output], attribute: attributes }) as NodeInit;
const graphOf = (parts: Parts) => parseModel(modelOf(parts)).graph();
const x = tensor("float32", [2, 3], [0, 1, 2, 3, 4, 5]);
const run = (parts: Parts) => Array.from(evaluate(graphOf(parts), { x }).y?.data ?? [], Number);

describe("Slice, as ONNX Runtime computes it", () => {
  const sliced = (start: bigint, end: bigint, step: bigint) =>
    run({
      tensors: [ints("s", [start]), ints("e", [end]), ints("a", [1]), ints("t", [step])],
      nodes: [node("Slice", ["x", "s", "e", "a", "t"])],
    });

  it("takes the first element where a start lies before it and the step is negative", () => {
    expect(sliced(-100n, -INT64_MAX - 1n, -1n)).toEqual([0, 3]);
  });

  it("takes one element with the largest step", () => {
    expect(sliced(1n, INT64_MAX, INT64_MAX)).toEqual([1, 4]);
  });
});

it("Dropout with a ratio and a mode does nothing without training", () => {
  const mode = { name: "t", dataType: BOOL, dims: [], int32Data: [0] };
  const tensors = [floats("r", [], [0.5]), mode];
  expect(run({ tensors, nodes: [node("Dropout", ["x", "r", "t"])] })).toEqual([0, 1, 2, 3, 4, 5]);
});

it("a constant of the writer never has the name of an input", () => {
  const parts = {
    tensors: [floats("Reshape_0_constant_0", [2], [1, 2]), ints("s", [3, 2])],
    nodes: [node("Reshape", ["x", "s"], "z"), node("Mul", ["z", "Reshape_0_constant_0"])],
  };
  const again = parseModel(serialize(graphOf(parts)));
  expect(again.inputs.map(({ name }) => name)).toEqual(["x", "Reshape_0_constant_0"]);
});

describe("what a file merely claims is refused in good time", () => {
  it("padding of 2^31 elements", () => {
    const parts = {
      tensors: [ints("p", [0, 0, 0, 2 ** 31])],
      nodes: [node("Pad", ["x", "p"], "y", [attribute("mode", "edge")])],
    };
    expect(() => graphOf(parts)).toThrow("a tensor of 2147483651 elements would have to be made");
  });

  it("2^31 classes", () => {
    const logits = input("logits", "float32", [1, 2 ** 31]);
    expect(() => withBudget(1000, () => crossEntropyHead(logits, -100))).toThrow(
      "a tensor of 2147483648 elements would have to be made",
    );
  });

  it.each(["Unsqueeze", "Reshape"])("%s to a rank of 100,000", (op) => {
    const shape = op === "Reshape" ? new Array(100_000).fill(1) : [...new Array(100_000).keys()];
    const parts = { tensors: [ints("s", shape)], nodes: [node(op, ["x", "s"])], shape: [1, 1] };
    expect(() => graphOf(parts)).toThrow(/a rank of 10000[02] is more than 64/);
  });

  it("a long chain of stored tensors that thousands of nodes freeze is computed once", () => {
    const count = 3000;
    const chain = Array.from({ length: count }, (_, at) =>
      node("Cast", [`m${at}`], `m${at + 1}`, [attribute("to", at % 2 ? FLOAT : DOUBLE)]),
    );
    const norms = Array.from({ length: count }, (_, at) =>
      node("BatchNormalization", [at ? `n${at - 1}` : "x", "c", "c", `m${count}`, "c"], `n${at}`),
    );
    const tensors = [floats("m0", [3], [0, 1, 2]), floats("c", [3], [1, 1, 1])];
    const parts = { tensors, nodes: [...chain, ...norms], outputs: [`n${count - 1}`] };
    expect([...graphOf(parts).parameters.keys()]).toEqual(["c"]);
  }, 30_000);
});

describe("labels", () => {
  it("of int32 are checked, too", () => {
    const [logits, labels] = [input("logits", "float64", [2, 2]), input("labels", "int32", [2])];
    const { loss } = softmaxCrossEntropyLoss(logits, labels, { ignoreIndex: -100 });
    const checked = withCheckedLabels({ inputs: [labels], loss }, 2, -100);
    const feeds = {
      logits: tensor("float64", [2, 2], [0, 0, 1, 5]),
      labels: tensor("int32", [2], [1, -100]),
    };
    const graph = { name: "head", inputs: [logits, labels], outputs: { loss: checked.loss } };
    expect(evaluate(graph, feeds).loss?.data[0]).toBeCloseTo(Math.LN2, 15);
  });

  const scores = constant(tensor("float64", [2, 2], [0, Number.NEGATIVE_INFINITY, 0, 0]));
  const folded = (labels: number[], weights?: number[]) => {
    const { loss } = softmaxCrossEntropyLoss(scores, constant(tensor("int64", [2], labels)), {
      weights: weights && constant(tensor("float64", [2], weights)),
    });
    return rewrite({ name: "loss", inputs: [], outputs: { loss } }, foldConstants).outputs.loss?.node;
  };

  it("that are no class are left to the runtime, not read from the next row", () => {
    expect(folded([3, 0])?.op).toBe("SoftmaxCrossEntropyLoss");
  });

  // PyTorch: cross_entropy(tensor([[0., -inf], [0., 0.]]), tensor([1, 0]), weight=tensor([1., 0.])) is nan.
  it("of weight 0 and probability 0 make the loss NaN", () => {
    expect(folded([1, 0], [1, 0])?.attributes.value).toMatchObject({ data: Float64Array.of(Number.NaN) });
  });
});

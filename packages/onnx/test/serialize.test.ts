import { fromBinary } from "@bufbuild/protobuf";
import {
  add,
  averagePool,
  concat,
  constant,
  conv,
  convTranspose,
  differentiate,
  div,
  evaluate,
  exp,
  expand,
  type Graph,
  GraphError,
  globalAveragePool,
  input,
  leakyRelu,
  legalize,
  maxPool,
  mul,
  type Node,
  oneHot,
  optimize,
  reduceMean,
  reduceSum,
  reshape,
  type Shape,
  scalar,
  slice,
  softmax,
  split,
  sub,
  tensor,
  topologicalOrder,
  type Value,
} from "@softmax-bench/graph";
import { ONNXRUNTIME_CPU, ONNXRUNTIME_WEBGPU, serialize, serializeBatched } from "@softmax-bench/onnx";
import { describe, expect, it } from "vitest";
import { ModelProtoSchema } from "../src/proto/onnx_pb.js";
import { expectClose, feedsFor, runInRuntime, runModel } from "./support.js";

const graphOf = (make: (x: Value) => Graph["outputs"], shape: Shape = [3, 4]): Graph => {
  const x = input("x", "float32", shape);
  return { name: "test", inputs: [x], outputs: make(x) };
};

describe("serialize", () => {
  it("writes a dilated AveragePool as its body, and refuses to write it as it is", async () => {
    const graph = graphOf((x) => ({ y: averagePool(x, [2, 2], { dilations: [2, 1] }) }), [1, 2, 4, 3]);
    expect(() => serialize(graph)).toThrow("AveragePool has no dilations in operator set 17");
    const feeds = feedsFor(graph);
    expectClose(await runInRuntime(legalize(graph, ONNXRUNTIME_CPU), feeds), evaluate(graph, feeds), 1e-6);
  });

  it("writes means over windows of four axes, or over all four, in operators that have kernels, and refuses a MaxPool", async () => {
    const shape = [1, 2, 2, 3, 2, 3];
    const graph = graphOf((x) => ({ y: averagePool(x, [2, 2, 1, 2]), z: globalAveragePool(x) }), shape);
    const feeds = feedsFor(graph);
    expectClose(await runInRuntime(legalize(graph, ONNXRUNTIME_CPU), feeds), evaluate(graph, feeds), 1e-6);
    const largest = graphOf((x) => ({ y: maxPool(x, [2, 2, 1, 2]) }), shape);
    expect(() => legalize(largest, ONNXRUNTIME_CPU)).toThrow(
      "MaxPool(float32[1,2,2,3,2,3]): the runtime has no float32 kernel for it",
    );
  });

  it("writes convolutions over three axes, which WebGPU lacks, in other operators", async () => {
    const filter = constant(tensor("float32", [2, 1, 2, 2, 1], [1, 2, 3, 4, -5, 6, 7, -8]));
    const graph = graphOf(
      (x) => ({
        y: conv(x, filter, undefined, { group: 2, pads: [1, 0, 0, 0, 0, 1] }),
        z: convTranspose(x, filter, undefined, { group: 2, strides: [1, 2, 1] }),
      }),
      [1, 2, 2, 3, 2],
    );
    const legal = legalize(graph, ONNXRUNTIME_WEBGPU);
    const operators = topologicalOrder(Object.values(legal.outputs)).map(({ op }) => op);
    expect(operators.filter((op) => op.startsWith("Conv"))).toEqual([]);
    const feeds = feedsFor(graph);
    expectClose(await runInRuntime(legal, feeds), evaluate(graph, feeds), 1e-6);
  });

  it.each<[string, (x: Value) => Graph["outputs"]]>([
    ["an input", (x) => ({ y: x })],
    ["a constant", (x) => ({ y: add(constant(tensor(x.dtype, [2], [1, 2])), scalar(1, x.dtype)) })],
    ["one value under two names", (x) => ({ y: exp(x), z: exp(x), x2: x })],
    ["names that the writer would give", (x) => ({ Exp_0: add(exp(x), x), Add_1: exp(x) })],
  ])("makes an output of %s", async (_, make) => {
    const graph = graphOf(make);
    const feeds = feedsFor(graph);
    expectClose(await runInRuntime(graph, feeds), evaluate(graph, feeds), 1e-6);
  });

  it("refuses an operator that ONNX cannot spell", () => {
    const outputs: Value[] = [];
    const node: Node = { op: "Odd", inputs: [], attributes: {}, outputs };
    outputs.push({ node, output: 0, dtype: "float32", shape: [] });
    const graph = graphOf(() => ({ y: outputs[0] as Value }));
    expect(() => serialize(graph)).toThrow("Odd cannot be written as ONNX");
  });

  it("refuses a name for both an input and an output", () => {
    expect(() => serialize(graphOf((x) => ({ x: exp(x) })))).toThrow('"x" is an input and an output');
  });

  it("names an output where it is made, without a copy, even where something else reads it", () => {
    const graph = graphOf((x) => {
      const y = exp(x);
      return { y, z: add(y, x) };
    });
    const written = fromBinary(ModelProtoSchema, serialize(graph));
    expect(written.graph?.node.map(({ opType, input }) => [opType, ...input])).toEqual([
      ["Exp", "x"],
      ["Add", "y", "x"],
    ]);
  });

  it("leaves out what no output depends on", () => {
    const dead = (x: Value) => {
      exp(softmax(x, 1));
      return { y: x };
    };
    expect(serialize(graphOf(dead))).toEqual(serialize(graphOf((x) => ({ y: x }))));
  });
});

describe("a tensor without elements", () => {
  it("goes through Reshape with its size of 0", async () => {
    const graph = graphOf((x) => ({ y: reshape(slice(x, 0, 1, 1), [4, 0]) }));
    const feeds = feedsFor(graph);
    expectClose(await runInRuntime(graph, feeds), evaluate(graph, feeds), 0);
  });

  it.each([1, 2])("has a gradient, cut out with steps of %d", async (step) => {
    const graph = graphOf((x) => {
      const empty = slice(slice(x, 1, 2, 2, step), 0, 0, 3, step);
      const y = add(reduceSum(empty), reduceSum(mul(x, x)));
      const [gradient] = differentiate(y, [x]) as [Value];
      return { y, gradient };
    });
    const feeds = feedsFor(graph);
    for (const written of [graph, optimize(graph)]) {
      expectClose(await runInRuntime(written, feeds), evaluate(graph, feeds), 1e-6);
    }
  });
});

describe("serializeBatched", () => {
  const labels = (batch: number) => input("labels", "int64", [batch]);
  const of = (batch: number): Graph => {
    const [x, t] = [input("x", "float32", [batch, 4]), labels(batch)];
    const p = softmax(x, 1);
    const loss = reduceMean(mul(p, sub(p, oneHot(t, 4, "float32"))));
    const [gradient] = differentiate(loss, [x]) as [Value];
    const outputs = { loss, gradient, flat: reshape(exp(x), [batch * 2, 2]) };
    return legalize({ name: "test", inputs: [x, t], outputs }, ONNXRUNTIME_CPU);
  };
  const model = serializeBatched(of);

  it.each([1, 2, 5, 101])("computes with a batch of %d", async (batch) => {
    const graph = of(batch);
    const [x] = graph.inputs as [Value, Value];
    const feeds = {
      ...feedsFor({ ...graph, inputs: [x] }),
      labels: tensor(
        "int64",
        [batch],
        Array.from({ length: batch }, (_, row) => row % 4),
      ),
    };
    expectClose(await runModel(model, feeds), evaluate(graph, feeds), 1e-6);
  });

  it.each<[string, (x: Value, batch: number) => Value, string]>([
    [
      "is no multiple of it",
      (x, batch) => div(x, scalar(batch ** 2, "float32")),
      "a constant of Constant is 10201",
    ],
    [
      "is a tensor of its size",
      (x, batch) => add(x, constant(tensor("float32", [batch, 1], new Array(batch).fill(1)))),
      "of shapes [101,1], [103,1]",
    ],
    [
      "is a fraction beside a number that depends on it",
      (x, batch) => add(x, constant(tensor("float32", [1, 4], [batch, 0.5, 0, 0]))),
      "a constant of Constant is 0.5 beside a number that depends on the batch size",
    ],
    [
      "is an attribute without a finite value",
      (x, batch) => leakyRelu(x, batch > 102 ? Number.NaN : Number.POSITIVE_INFINITY),
      "attributes of LeakyRelu depend on its size",
    ],
    [
      "is there for some sizes only",
      (x, batch) => (batch > 102 ? exp(x) : x),
      "is another one for some batch sizes",
    ],
    [
      "is another operator",
      (x, batch) => (batch > 102 ? exp(x) : reduceSum(x)),
      "ReduceSum is not there for every",
    ],
    [
      "is an attribute",
      (x, batch) => averagePool(reshape(x, [1, 1, 4 * batch]), [4], { strides: [batch] }),
      "attributes of AveragePool depend on its size",
    ],
  ])("refuses what %s", (_, make, message) => {
    const family = (batch: number) => graphOf((x) => ({ y: make(x, batch) }), [batch, 4]);
    expect(() => serializeBatched(family)).toThrow(GraphError);
    expect(() => serializeBatched(family)).toThrow(message);
  });

  it("refuses sizes that the batch has in no input", () => {
    const family = (batch: number) => graphOf((x) => ({ y: div(x, scalar(batch, "float32")) }));
    expect(() => serializeBatched(family)).toThrow("no input has it as a dimension");
  });

  it.each([89, 101, 103])("is not confused by %d classes", async (classes) => {
    const family = (batch: number) =>
      graphOf((x) => ({ y: reshape(exp(reshape(x, [classes, batch])), [batch, classes]) }), [batch, classes]);
    const graph = family(3);
    const feeds = feedsFor(graph);
    expectClose(await runModel(serializeBatched(family), feeds), evaluate(graph, feeds), 1e-6);
  });

  it("compares three batch sizes, whichever sizes the model has itself", () => {
    const primes = [101, 103, 107, 109, 113, 127, 131, 137];
    const compared: number[] = [];
    const family = (batch: number) => {
      compared.push(batch);
      return graphOf(
        (x) => Object.fromEntries(primes.map((size) => [`y${size}`, reduceSum(expand(x, [size, batch, 2]))])),
        [batch, 2],
      );
    };
    const written = fromBinary(ModelProtoSchema, serializeBatched(family));
    expect(new Set(compared.filter((size) => size > 100))).toEqual(new Set([139, 149, 151]));
    const { value } = written.graph?.input[0]?.type?.value ?? {};
    expect(value && "shape" in value && value.shape?.dim[0]?.value).toEqual({
      case: "dimParam",
      value: "batch",
    });
  });

  it("counts beyond the whole numbers of float32", async () => {
    const family = (batch: number) =>
      graphOf((x) => ({ y: div(x, scalar(batch * 999_983, "float32")) }), [batch, 2]);
    const graph = family(500);
    const feeds = feedsFor(graph);
    expectClose(await runModel(serializeBatched(family), feeds), evaluate(graph, feeds), 1e-7);
  });

  it("splits and joins along the batch", async () => {
    const family = (batch: number) =>
      graphOf((x) => ({ y: concat([...split(x, [1, batch - 1], 0)].reverse(), 0) }), [batch, 2]);
    const graph = family(7);
    const feeds = feedsFor(graph);
    expectClose(await runModel(serializeBatched(family), feeds), evaluate(graph, feeds), 0);
  });
});

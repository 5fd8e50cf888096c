import { create } from "@bufbuild/protobuf";
import { elementsOf, evaluate, type Graph, type Tensor, tensor, withBudget } from "@softmax-bench/graph";
import { type Model, parseModel, trainingGraph } from "@softmax-bench/onnx";
import { describe, expect, it } from "vitest";
import { StringStringEntryProtoSchema, TensorProto_DataType } from "../src/proto/onnx_pb.js";
import {
  attribute,
  DOUBLE,
  FLOAT,
  FLOAT16,
  floats,
  INT64,
  ints,
  modelOf,
  type NodeInit,
  type TensorInit,
} from "./build-model.js";
import { expectClose, numbers } from "./support.js";

const { BFLOAT16 } = TensorProto_DataType;

const node = (
  opType: string,
  input: string[],
  output: string,
  attributes: Record<string, number | readonly number[]> = {},
): NodeInit => ({
  opType,
  name: `make ${output}`,
  input,
  output: [output],
  attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
});
const [scale, offset] = [floats("scale", [3], [1, 0.5, 2]), floats("offset", [3], [0.25, -0.5, 1])];

/** Loss and gradients of batch normalisation by statistics that some nodes make. */
function trained(statistics: readonly NodeInit[], mean = "mean", variance = "variance") {
  const bytes = modelOf({
    shape: [4, 3],
    tensors: [scale, offset, ints("threes", [3])],
    nodes: [...statistics, node("BatchNormalization", ["x", "scale", "offset", mean, variance], "y")],
  });
  const model = parseModel(bytes);
  const stored = [...model.initializers].map(([name, of]) => [name, of.read()] as const);
  const feeds: Record<string, Tensor> = {
    ...Object.fromEntries(stored),
    x: tensor("float32", [4, 3], numbers(12)),
    labels: tensor("int64", [4], [0, 2, 1, 0]),
  };
  return evaluate(trainingGraph(model.graph()), feeds);
}

/** Compares a gradient along a direction with the change of the loss, in float32. */
function expectSlope(
  {
    graph,
    name,
    values,
  }: { readonly graph: Graph; readonly name: string; readonly values: readonly number[] },
  feedsAt: (values: readonly number[]) => Record<string, Tensor>,
): void {
  const lossAt = (step: number) => {
    const moved = values.map((value, at) => value + step * Math.sin(at + 1));
    return Number(evaluate(graph, feedsAt(moved)).loss?.data[0]);
  };
  const gradient = elementsOf(evaluate(graph, feedsAt(values))[`${name}.grad`] as Tensor).map(Number);
  const slope = gradient.reduce((sum, value, at) => sum + value * Math.sin(at + 1), 0);
  expect(slope).toBeCloseTo((lossAt(1e-2) - lossAt(-1e-2)) / 2e-2, 3);
}

describe("statistics that are frozen", () => {
  const constants = (name: string, values: readonly number[]): NodeInit => ({
    opType: "Constant",
    output: [name],
    attribute: [attribute("value", floats("", [3], values))],
  });
  const expected = trained([constants("mean", [0.25, -0.5, 1]), constants("variance", [1, 0.5, 2])]);

  // The exporter of PyTorch stores equal tensors once: a fresh layer's running mean is its bias.
  it.each<[string, readonly NodeInit[], string?, string?]>([
    ["parameters themselves", [], "offset", "scale"],
    ["copies of parameters", [node("Identity", ["offset"], "mean"), node("Identity", ["scale"], "variance")]],
    [
      "what is computed from parameters",
      [
        node("Cast", ["offset"], "wide", { to: DOUBLE }),
        node("Cast", ["wide"], "mean", { to: FLOAT }),
        node("Reshape", ["scale", "threes"], "shaped"),
        node("Identity", ["shaped"], "variance"),
      ],
    ],
  ])("pass no gradient on: %s", (_, nodes, mean, variance) => {
    expectClose(trained(nodes, mean, variance), expected, 1e-7);
  });
});

// Weight standardisation, as in networks without normalisation layers: PyTorch exports it as a batch normalisation of the
// weight by statistics that the model computes, of many numbers.
describe("statistics that a model computes of its weights", () => {
  const mean = (of: string, output: string) =>
    node("ReduceMean", [of], output, { axes: [0, 2], keepdims: 0 });
  const values = numbers(30).map((value, at) => value * (at % 7));
  const modelWith = (training: number) =>
    parseModel(
      modelOf({
        tensors: [floats("w", [2, 3, 5], values), scale, offset, ints("matrix", [3, 10])],
        nodes: [
          mean("w", "mean"),
          node("Mul", ["w", "w"], "squares"),
          mean("squares", "variance"),
          node("BatchNormalization", ["w", "scale", "offset", "mean", "variance"], "n", {
            training_mode: training,
          }),
          node("Reshape", ["n", "matrix"], "v"),
          node("MatMul", ["x", "v"], "y"),
        ],
      }),
    );

  it.each([
    ["pass the gradient on", 0],
    ["do not matter in training mode", 1],
  ])("%s, and are not computed when the model is read", (_, training) => {
    const graph = trainingGraph(withBudget(80, () => modelWith(training).graph()));
    expectSlope({ graph, name: "w", values }, (of) => ({
      x: tensor("float32", [2, 3], numbers(6)),
      w: tensor("float32", [2, 3, 5], of),
      scale: tensor("float32", [3], [1, 0.5, 2]),
      offset: tensor("float32", [3], [0.25, -0.5, 1]),
      labels: tensor("int64", [2], [1, 7]),
    }));
  });
});

describe("what is a parameter", () => {
  const tensors = [floats("w", [3, 2], numbers(6)), floats("only", [3], [1, 2, 3]), ints("two", [2])];
  const parametersOf = (nodes: readonly NodeInit[], outputs = ["y"]) => [
    ...parseModel(modelOf({ nodes, tensors, outputs })).graph().parameters.keys(),
  ];
  const product = node("MatMul", ["x", "w"], "y");

  it.each<[string, readonly NodeInit[], string[]]>([
    ["a stored tensor that the output depends on", [product], ["w"]],
    ["one behind other nodes", [node("Identity", ["w"], "v"), node("MatMul", ["x", "v"], "y")], ["w"]],
    ["none that only its shape is read of", [node("Shape", ["only"], "s"), product], ["w"]],
    ["none that no output depends on", [node("Exp", ["only"], "e"), product], ["w"]],
    [
      "none that is frozen",
      [
        node("Identity", ["only"], "mean"),
        node("BatchNormalization", ["x", "only", "only", "mean", "mean"], "z"),
        product,
      ],
      ["w"],
    ],
  ])("%s", (_, nodes, expected) => {
    expect(parametersOf(nodes)).toEqual(expected);
  });

  const sines = (steps: number) =>
    Array.from({ length: steps * 4 }, (_, at) => {
      const angle = Math.floor(at / 4) * 10 ** -(at % 2);
      return at % 4 < 2 ? Math.sin(angle) : Math.cos(angle);
    });
  const lowest = -3.4028235e38;

  // As the exporters of PyTorch 2 (`val_106`) and Paddle (weights in `Constant` nodes) write them.
  it.each<[string, readonly NodeInit[], readonly TensorInit[], string[], string]>([
    [
      "a scale of attention",
      [node("Mul", ["x", "val_106"], "y")],
      [floats("val_106", [], [0.59])],
      [],
      "one number in Mul",
    ],
    ["an exponent", [node("Pow", ["x", "e"], "y")], [floats("e", [], [3])], [], "a setting of Pow"],
    ["exponents", [node("Pow", ["x", "e"], "y")], [floats("e", [3], [2, 3, 2])], [], "a setting of Pow"],
    ["an epsilon", [node("Add", ["x", "e"], "y")], [floats("e", [1], [1e-6])], [], "one number in Add"],
    [
      "the numbers of regions, of which a mask is made",
      [node("ScatterND", ["x", "rows", "region"], "y")],
      [floats("region", [1, 3], [2, 2, 2]), ints("rows", [1], [1, 1])],
      [],
      "filled with 2 in ScatterND",
    ],
    ...[
      [1, 2, 3, 4, 5, 6, 7, 8],
      // The extra heads have every other slope of twice as many.
      [1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5],
    ].map((exponents): [string, readonly NodeInit[], readonly TensorInit[], string[], string] => [
      `the slopes of ALiBi for ${exponents.length} heads`,
      [node("Mul", ["x", "slopes"], "y")],
      [
        floats(
          "slopes",
          [exponents.length, 1, 1],
          exponents.map((exponent) => 2 ** -exponent),
        ),
      ],
      [],
      "slopes of attention's linear biases",
    ]),
    [
      "what a mask is filled with",
      [node("Greater", ["x", "e"], "g"), node("Where", ["g", "x", "e"], "y")],
      [floats("e", [], [lowest])],
      [],
      "one number in Where",
    ],
    [
      "a mask",
      [node("Add", ["x", "m"], "y")],
      [floats("m", [2, 3], [0, lowest, lowest, 0, 0, lowest])],
      [],
      "a mask",
    ],
    [
      "a mask of infinities",
      [node("Add", ["x", "m"], "y")],
      [floats("m", [3], [0, Number.NEGATIVE_INFINITY, 0])],
      [],
      "a mask",
    ],
    ["a mask to multiply with", [node("Mul", ["x", "m"], "y")], [floats("m", [3], [0, 1, 1])], [], "a mask"],
    [
      "cosines and sines of positions",
      [node("ReduceMean", ["x"], "z", { keepdims: 0 }), node("Mul", ["z", "t"], "y")],
      [floats("t", [1, 16, 4], sines(16))],
      [],
      "a table of sines and cosines",
    ],
    [
      "frequencies of sines",
      [
        node("MatMul", ["x", "f"], "a"),
        node("Concat", ["a", "a"], "b", { axis: 1 }),
        node("Sin", ["b"], "y"),
      ],
      [floats("f", [3, 2], [1, 2, 3, 4, 5, 6])],
      [],
      "frequencies of sines and cosines",
    ],
    [
      "mean and deviation of the inputs",
      [node("Sub", ["x", "m"], "z"), node("Div", ["z", "m"], "y")],
      [floats("m", [3], [0.485, 0.456, 0.406])],
      [],
      "it normalises an input of the model",
    ],
    [
      "what becomes an integer",
      [node("Cast", ["c"], "i", { to: INT64 }), node("Gather", ["x", "i"], "y", { axis: 1 })],
      [floats("c", [3], [0, 2, 1])],
      [],
      "no gradient flows to it",
    ],
    ["a bias", [node("Add", ["x", "b"], "y")], [floats("b", [3], [0, 0, 0])], ["b"], "an operand of Add"],
    [
      "a bias of one class",
      [node("Gemm", ["x", "w", "b"], "y")],
      [floats("b", [1], [0])],
      ["w", "b"],
      "a weight of Gemm",
    ],
    [
      "a scale of layers, by its name",
      [node("Mul", ["x", "blocks.0.gamma"], "y")],
      [floats("blocks.0.gamma", [1], [0.5])],
      ["blocks.0.gamma"],
      "one number, but named as an attribute of a module",
    ],
    [
      "a scale that is computed",
      [node("Exp", ["logit_scale"], "e"), node("Mul", ["x", "e"], "y")],
      [floats("logit_scale", [], [2.65])],
      ["logit_scale"],
      "Exp is computed from it",
    ],
    [
      "rows to look up",
      [node("Cast", ["x"], "i", { to: INT64 }), node("Gather", ["e", "i"], "y")],
      [floats("e", [9, 2], numbers(18))],
      ["e"],
      "a weight of Gather",
    ],
    [
      "a weight that is moved first",
      [node("Transpose", ["v"], "t"), node("MatMul", ["x", "t"], "y")],
      [floats("v", [2, 3], numbers(6))],
      ["v"],
      "a weight of MatMul",
    ],
  ])("%s", (_, nodes, own, expected, reason) => {
    const model = parseModel(modelOf({ nodes, tensors: [...own, floats("w", [3, 1], [1, 2, 3])] }));
    const [first] = own;
    expect(model.choices.get(String(first?.name))?.reason).toBe(reason);
    const trained = [...model.choices].filter(([, { isParameter }]) => isParameter).map(([name]) => name);
    expect(trained.sort()).toEqual([...expected].sort());
  });

  it.each<[string, string, readonly number[], boolean]>([
    ["zeros that the exporter adds are none", "val_7", [0, 0, 0], false],
    ["zeros with a name of the network are some", "norm.bias", [0, 0, 0], true],
    ["other numbers are some", "val_7", [0, 0.5, 0], true],
  ])("an offset of a normalisation: %s", (_, name, values, expected) => {
    const layer = node("LayerNormalization", ["x", "norm.weight", name], "y", { axis: -1 });
    const stored = [floats("norm.weight", [3], [1, 1, 1]), floats(name, [3], values)];
    const { choices } = parseModel(modelOf({ nodes: [layer], tensors: stored }));
    expect(choices.get(name)?.isParameter).toBe(expected);
    if (!expected)
      expect(choices.get(name)?.reason).toBe("all 0, for a normalisation that has none of its own");
  });

  it("weights in Constant nodes, but no single numbers", () => {
    const constant = (name: string, dims: number[], values: number[]): NodeInit => ({
      opType: "Constant",
      output: [name],
      attribute: [attribute("value", floats("", dims, values))],
    });
    const nodes = [
      constant("w", [3, 2], numbers(6)),
      constant("half", [], [0.5]),
      node("MatMul", ["x", "w"], "z"),
      node("Mul", ["z", "half"], "y"),
    ];
    const model = parseModel(modelOf({ nodes }));
    expect(elementsOf(model.initializers.get("w")?.read() as Tensor)).toEqual(numbers(6).map(Math.fround));
    const graph = trainingGraph(model.graph());
    expect(graph.inputs.map(({ node: of }) => of.attributes.name)).toEqual(["x", "w", "labels"]);
    expect(Object.keys(graph.outputs)).toEqual(["loss", "y", "w.grad"]);
  });

  it("no numbers in Constant nodes beside weights that are initialisers, but weights of layers there, too", () => {
    const constant = (name: string, dims: number[]): NodeInit => ({
      opType: "Constant",
      output: [name],
      attribute: [attribute("value", floats("", dims, numbers(dims.reduce((a, b) => a * b, 1))))],
    });
    const nodes = [
      constant("slopes", [3]),
      constant("v", [2, 2]),
      node("Mul", ["x", "slopes"], "m"),
      node("MatMul", ["m", "w"], "z"),
      node("MatMul", ["z", "v"], "y"),
    ];
    expect(parametersOf(nodes)).toEqual(["w", "v"]);
  });

  // `lm_head.weight` of GPT-2, which its exporter also stores transposed.
  it.each([
    ["float16", FLOAT16],
    ["bfloat16", BFLOAT16],
  ])("a weight that is cast to %s", (_, to) => {
    const nodes = [
      node("Cast", ["w"], "half", { to }),
      node("Cast", ["x"], "narrow", { to }),
      node("MatMul", ["narrow", "half"], "product"),
      node("Cast", ["product"], "y", { to: FLOAT }),
    ];
    const tensors = [floats("w", [3, 2], [1, 0.5, 2, -1, 0.25, 4])];
    const model = parseModel(modelOf({ nodes, tensors }));
    expect(model.choices.get("w")).toMatchObject({ isParameter: true, reason: "a weight of MatMul" });
    const x = [1, 2, 3, -1, 0.5, 0];
    const feeds = {
      x: tensor("float32", [2, 3], x),
      w: tensor("float32", [3, 2], [1, 0.5, 2, -1, 0.25, 4]),
      labels: tensor("int64", [2], [0, 1]),
    };
    const graph = trainingGraph(model.graph());
    const { y, "w.grad": gradient } = evaluate(graph, feeds);
    const logits = elementsOf(y as Tensor).map(Number);
    // (softmax(y) − onehot)/2 by hand, and xᵀ times that.
    const rows = [0, 1].map((row) => {
      const [a = 0, b = 0] = logits.slice(2 * row, 2 * row + 2);
      const p = 1 / (1 + Math.exp(b - a));
      return row === 0 ? [(p - 1) / 2, (1 - p) / 2] : [p / 2, -p / 2];
    });
    const expected = [0, 1, 2].flatMap((i) =>
      [0, 1].map((j) => [0, 1].reduce((sum, n) => sum + (x[3 * n + i] ?? 0) * (rows[n]?.[j] ?? 0), 0)),
    );
    for (const [at, value] of elementsOf(gradient as Tensor).entries())
      expect(Math.abs(Number(value) - (expected[at] ?? 0))).toBeLessThanOrEqual(0.02);
  });

  it("a tied weight once, with the gradient of both uses", () => {
    const rows = numbers(6);
    const transposed = [0, 2, 4, 1, 3, 5].map((at) => rows[at] as number);
    const tied = [floats("head.weight", [3, 2], rows), floats("val_3", [2, 3], transposed)];
    const mean: NodeInit = {
      opType: "ReduceMean",
      input: ["e"],
      output: ["m"],
      attribute: [attribute("axes", [1]), attribute("keepdims", 0)],
    };
    const nodes = [
      node("Cast", ["x"], "i", { to: INT64 }),
      node("Gather", ["head.weight", "i"], "e"),
      mean,
      node("MatMul", ["m", "val_3"], "y"),
    ];
    const model = parseModel(modelOf({ nodes, tensors: tied }));
    expect(model.choices.get("val_3")?.reason).toBe("tied to head.weight: its transpose");
    const graph = trainingGraph(model.graph());
    expect(Object.keys(graph.outputs)).toEqual(["loss", "y", "head.weight.grad"]);
    expectSlope({ graph, name: "head.weight", values: rows }, (values) => ({
      x: tensor("float32", [2, 3], [0, 1, 2, 2, 2, 0]),
      "head.weight": tensor("float32", [3, 2], values),
      labels: tensor("int64", [2], [1, 2]),
    }));
  });

  describe("the weights of a mixture, m · x + (1 − m) · tanh(x)", () => {
    const mix = [0.25, 0.1, 0.875].map(Math.fround);
    const others = mix.map((m) => Math.fround(1 - m));
    const mixture = (first: TensorInit, second: TensorInit) =>
      parseModel(
        modelOf({
          nodes: [
            node("Mul", ["x", String(first.name)], "a"),
            node("Tanh", ["x"], "t"),
            node("Mul", [String(second.name), "t"], "b"),
            node("Add", ["a", "b"], "y"),
          ],
          tensors: [first, second],
        }),
      );
    const trainedIn = (model: Model) => [...model.graph().parameters.keys()];

    // `time_mix_key` of RWKV; 1 − 0.1 is rounded.
    it.each([
      ["first", mixture(floats("block.mix", [3], mix), floats("sub_3", [3], others)), mix],
      ["second", mixture(floats("sub_3", [3], others), floats("block.mix", [3], mix)), mix],
      [
        "first, with names of nodes alone",
        mixture(floats("block", [3], mix), floats("sub", [3], others)),
        mix,
      ],
    ])("are one parameter, with the gradient of both, that is stored %s", (_, model, values) => {
      const [name = ""] = trainedIn(model);
      const tied = [...model.choices.values()].find(({ tie }) => tie);
      expect(tied?.reason).toBe(`tied to ${name}: 1 minus it, the other weight of a mixture`);
      const graph = trainingGraph(model.graph());
      expect(Object.keys(graph.outputs)).toEqual(["loss", "y", `${name}.grad`]);
      expectSlope({ graph, name, values }, (of) => ({
        x: tensor("float32", [2, 3], numbers(6)),
        [name]: tensor("float32", [3], of),
        labels: tensor("int64", [2], [1, 2]),
      }));
    });

    it("are one parameter if they are single numbers, too", () => {
      const model = mixture(floats("block.mix", [1], [0.3]), floats("sub_3", [1], [1 - Math.fround(0.3)]));
      expect(model.choices.get("sub_3")?.tie).toEqual({ original: "block.mix", relation: "complement" });
    });

    it.each<[string, Model, string[]]>([
      [
        "do not add up to 1",
        mixture(floats("block.mix", [3], mix), floats("val_3", [3], mix)),
        ["block.mix", "val_3"],
      ],
      [
        "both have names of the network",
        mixture(floats("block.mix", [3], mix), floats("block.rest", [3], others)),
        ["block.mix", "block.rest"],
      ],
      [
        "are halves, of which one may be a number of the formula",
        mixture(floats("block.mix", [1], [0.5]), floats("val_3", [1], [0.5])),
        ["block.mix"],
      ],
      [
        "may be two fresh parameters without names",
        mixture(floats("first", [3], [0.5, 0.5, 0.5]), floats("second", [3], [0.5, 0.5, 0.5])),
        ["first", "second"],
      ],
    ])("are not tied if they %s", (_, model, expected) => {
      expect(trainedIn(model)).toEqual(expected);
      expect([...model.choices.values()].filter(({ tie }) => tie)).toEqual([]);
    });
  });

  describe("a layer that is used twice, whose transposed weight is stored once for each use", () => {
    const weights = numbers(9).map((value) => value - 1);
    const tensors = [
      floats("val_1", [3, 3], weights),
      floats("val_2", [3, 3], weights),
      floats("layer.bias", [3], [0.1, -0.2, 0.3]),
      floats("other.bias", [3], [0.1, -0.2, 0.3]),
    ];
    const inModule = (init: NodeInit, path: string): NodeInit => ({
      ...init,
      metadataProps: [
        create(StringStringEntryProtoSchema, {
          key: "pkg.torch.onnx.name_scopes",
          value: `['', '${path}', '${init.output}']`,
        }),
      ],
    });
    const twice = (bias: string, modules = ["layer", "layer"]) => {
      const layers = ["layer.bias", bias].flatMap((of, at) => [
        node("MatMul", [at === 0 ? "x" : "t0", `val_${at + 1}`], `m${at}`),
        node("Add", [`m${at}`, of], at === 0 ? "s0" : "y"),
        ...(at === 0 ? [node("Tanh", ["s0"], "t0")] : []),
      ]);
      const nodes =
        modules.length === 0
          ? layers
          : layers.map((of) =>
              inModule(of, modules[of.input?.includes("t0") || of.input?.includes("m1") ? 1 : 0] as string),
            );
      return parseModel(modelOf({ nodes, tensors }));
    };

    it.each([
      ["as the module's path says", twice("layer.bias")],
      ["as the shared bias says, if no module is known", twice("layer.bias", [])],
    ])("is trained once, with the gradient of both uses, %s", (_, model) => {
      expect(model.choices.get("val_2")?.reason).toBe("tied to val_1: the same layer, used again");
      const graph = trainingGraph(model.graph());
      expect(Object.keys(graph.outputs)).toEqual(["loss", "y", "val_1.grad", "layer.bias.grad"]);
      expectSlope({ graph, name: "val_1", values: weights }, (values) => ({
        x: tensor("float32", [2, 3], numbers(6)),
        val_1: tensor("float32", [3, 3], values),
        "layer.bias": tensor("float32", [3], [0.1, -0.2, 0.3]),
        labels: tensor("int64", [2], [1, 2]),
      }));
    });

    it.each([
      ["modules", twice("layer.bias", ["layer", "copy"])],
      ["biases, if no module is known,", twice("other.bias", [])],
    ])("is not taken for a copy of a layer: equal weights of two %s are trained apart", (_, model) => {
      expect(model.choices.get("val_2")?.isParameter).toBe(true);
    });
  });

  it("whatever is asked for by name", () => {
    const model = parseModel(
      modelOf({ nodes: [node("Mul", ["x", "s"], "y")], tensors: [floats("s", [], [0.5])] }),
    );
    expect(() => trainingGraph(model.graph())).toThrow(
      "there are no parameters to differentiate with respect to",
    );
    const graph = trainingGraph(model.graph({}, { trained: ["s"] }), { wrt: ["s"] });
    expect(Object.keys(graph.outputs)).toEqual(["loss", "y", "s.grad"]);
  });

  it("a limit that a stored number makes is known", () => {
    const stored = [floats("most", [], [1])];
    const nodes = [node("Identity", ["most"], "limit"), node("Clip", ["x", "", "limit"], "y")];
    const graph = parseModel(modelOf({ nodes, tensors: stored })).graph();
    expect([...graph.parameters.keys()]).toEqual([]);
    const { y } = evaluate(graph, { x: tensor("float32", [2, 3], [0, 1, 2, -1, 0.5, 3]) });
    expect(Array.from(y?.data ?? [], Number)).toEqual([0, 1, 1, -1, 0.5, 1]);
  });
});

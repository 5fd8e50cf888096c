import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BudgetError,
  DEFAULT_ELEMENTS,
  GraphError,
  legalize,
  optimize,
  withBudget,
} from "@softmax-bench/graph";
import { ModelError, ONNXRUNTIME_CPU, parseModel, serialize, trainingGraph } from "@softmax-bench/onnx";
import { loadModel } from "@softmax-bench/onnx/node";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { AttributeProto_AttributeType, TensorProto_DataLocation } from "../src/proto/onnx_pb.js";
import {
  attribute,
  BOOL,
  DOUBLE,
  FLOAT,
  floats,
  INT64,
  ints,
  modelOf,
  type NodeInit,
  type Parts,
  type TensorInit,
} from "./build-model.js";

const relu: NodeInit = { opType: "Relu", input: ["x"], output: ["y"] };
const node = (opType: string, input: string[], more: Partial<NodeInit> = {}): NodeInit =>
  ({ opType, name: "n", input, output: ["y"], ...more }) as NodeInit;
const weight = floats("w", [2, 3], [1, 2, 3, 4, 5, 6]);
const bytesOf = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

const read = (parts: Parts) => trainingGraph(parseModel(modelOf(parts)).graph(), { force: true });

/** x combined with itself at some places. */
const combined = (op: string, places: string, reduction: string): NodeInit =>
  node(op, ["x", places, "x"], { attribute: [attribute("reduction", reduction)] });

describe("a model that is refused", () => {
  it.each<[string, Parts, string]>([
    [
      "an operator that is not known",
      { nodes: [node("Scan", ["x"])] },
      "operators that are not supported: Scan",
    ],
    [
      "another domain",
      { nodes: [node("Relu", ["x"], { domain: "com.x" })] },
      "operators that are not supported: com.x.Relu",
    ],
    ["a name out of Object's prototype", { nodes: [node("toString", ["x"])] }, "not supported: toString"],
    [
      "a cycle",
      { nodes: [node("Add", ["x", "z"]), { opType: "Exp", input: ["y"], output: ["z"] }] },
      'Add "n": reads "z", which nothing before it makes: it is missing, later, or in a cycle',
    ],
    [
      "a node that reads itself",
      { nodes: [node("Add", ["x", "y"])] },
      'reads "y", which nothing before it makes',
    ],
    ["a value made twice", { nodes: [relu, relu] }, '"y" is made twice'],
    ["an output that nothing makes", { nodes: [] }, 'nothing makes output "y"'],
    ["an input too few", { nodes: [node("Add", ["x"])] }, 'Add "n": lacks input #1'],
    ["an input too many", { nodes: [node("Relu", ["x", "x"])] }, "input #1 is not supported"],
    ["an output too many", { nodes: [{ ...relu, output: ["y", "z"] }] }, "has no output #1"],
    [
      "an attribute that is not known",
      { nodes: [node("Relu", ["x"], { attribute: [attribute("alpha", 1)] })] },
      'attribute "alpha" is not supported',
    ],
    [
      "an attribute of another type",
      { nodes: [node("LeakyRelu", ["x"], { attribute: [attribute("alpha", 1)] })] },
      'attribute "alpha" must be FLOAT, got INT',
    ],
    [
      "an axis outside",
      { nodes: [node("Softmax", ["x"], { attribute: [attribute("axis", 5)] })] },
      "axis 5 is outside a shape of rank 2",
    ],
    [
      "shapes that do not fit",
      { nodes: [node("MatMul", ["x", "x"])] },
      'MatMul "n": MatMul(float32[2,3], float32[2,3]): inner sizes 3 and 2 differ',
    ],
    [
      "a shape that is not known",
      {
        nodes: [
          { opType: "Cast", input: ["x"], output: ["s"], attribute: [attribute("to", INT64)] },
          node("Reshape", ["x", "s"]),
        ],
      },
      "must be a constant, but Cast makes it while the model runs",
    ],
    [
      "an element type that is not known",
      { nodes: [relu], elemType: 17 },
      'input "x" has elements of type FLOAT8E4M3FN',
    ],
    ["an old operator set", { nodes: [relu], opset: 6 }, "operator set 6 is not supported, only 7 to"],
    [
      "an old node with an axis outside",
      { opset: 9, nodes: [node("Softmax", ["x"], { attribute: [attribute("axis", 5)] })] },
      "axis 5 is outside",
    ],
    [
      "an old node whose axes are text",
      { opset: 9, nodes: [node("Squeeze", ["x"], { attribute: [attribute("axes", "1")] })] },
      'Squeeze "n": attribute "axes" is not supported',
    ],
    [
      "an old node with positions that are fractions",
      {
        opset: 9,
        nodes: [node("Unsqueeze", ["x"], { attribute: [{ name: "axes", type: 6, floats: [0.5] }] })],
      },
      'Unsqueeze "n": input #1 must be integers, got float32[1]',
    ],
    [
      "an old node without what it needs",
      { opset: 9, nodes: [node("Unsqueeze", ["x"])] },
      'Unsqueeze "n": lacks axes',
    ],
    [
      "an old node without operands",
      { opset: 7, nodes: [node("Slice", [], { attribute: [attribute("starts", [0])] })] },
      'Slice "n": lacks input #0',
    ],
    [
      "old axes as an attribute and as an input",
      {
        opset: 11,
        tensors: [ints("a", [0])],
        nodes: [node("Unsqueeze", ["x", "a"], { attribute: [attribute("axes", [1])] })],
      },
      'Unsqueeze "n": attribute "axes" is not supported',
    ],
    [
      "axes as an attribute in a new operator set",
      { opset: 13, nodes: [node("Unsqueeze", ["x"], { attribute: [attribute("axes", [1])] })] },
      'Unsqueeze "n": lacks axes',
    ],
    [
      "an operator that a newer one replaced",
      { opset: 11, nodes: [node("Scatter", ["x", "x", "x"])] },
      "operators that are not supported: Scatter",
    ],
    [
      "moving statistics of each element of an image",
      {
        opset: 7,
        tensors: [{ ...weight, dims: [6n] }],
        shape: [2, 6],
        nodes: [
          {
            ...node("BatchNormalization", ["x", "w", "w", "w", "w"], {
              attribute: [attribute("spatial", 0)],
            }),
            output: ["y", "mean", "variance"],
          },
        ],
      },
      'attribute "spatial" is not supported',
    ],
    [
      "a reduction that is not known",
      { tensors: [ints("i", [0, 1, 1, 0, 1, 0], [2, 3])], nodes: [combined("ScatterElements", "i", "mean")] },
      "reduction mean is not known",
    ],
    [
      "a reduction at places that the model computes",
      {
        nodes: [
          { opType: "Cast", input: ["x"], output: ["i"], attribute: [attribute("to", INT64)] },
          combined("ScatterElements", "i", "max"),
        ],
      },
      "input #1 must be a constant, but Cast makes it while the model runs",
    ],
    [
      "a reduction at a place outside",
      { tensors: [ints("i", [0, 7], [1, 2])], nodes: [combined("ScatterND", "i", "min")] },
      "position 7 is outside axis 1 of [2,3]",
    ],
    [
      "a reduction of more updates than places",
      { tensors: [ints("i", [0, 1], [1, 2])], nodes: [combined("ScatterND", "i", "mul")] },
      "1 places do not fit updates [2,3]",
    ],
    ["a new operator set", { nodes: [relu], opset: 99 }, "operator set 99 is not supported"],
    ["no outputs", { nodes: [relu], outputs: [] }, "the model has no outputs"],
    ["two tensors of one name", { nodes: [relu], tensors: [weight, weight] }, 'there are two tensors "w"'],
    [
      "a tensor of another size",
      { nodes: [relu], tensors: [{ ...weight, dims: [2n, 4n] }] },
      'tensor "w" is float32[2,4], 32 bytes, but has 24',
    ],
    [
      "a tensor that claims to be huge",
      { nodes: [relu], tensors: [{ ...weight, dims: [2n ** 40n, 2n ** 40n] }] },
      'tensor "w" has a shape of',
    ],
    [
      "a tensor that claims elements it has not",
      { nodes: [relu], tensors: [{ name: "w", dataType: FLOAT, dims: [2n ** 40n] }] },
      "but has 0 elements",
    ],
    [
      "a negative size",
      { nodes: [relu], tensors: [{ ...weight, dims: [-1n] }] },
      'tensor "w" has a size of -1',
    ],
    [
      "a pad that makes a size which no number counts",
      {
        shape: [1, 1, 9, 8],
        tensors: [floats("f", [1, 1, 1, 1], [1])],
        nodes: [node("Conv", ["x", "f"], { attribute: [attribute("pads", [0, 0, 0, 2 ** 53 - 1])] })],
      },
      "is no size: the shape would be [1,1,9,",
    ],
    [
      "a constant of a negative size",
      {
        nodes: [node("ConstantOfShape", ["s"], { output: ["c"] }), node("Add", ["x", "c"])],
        tensors: [ints("s", [-1, 2 ** 53 - 1])],
      },
      'ConstantOfShape "n": Expand(float32[]): -1 is no size',
    ],
    [
      "a Reshape that does not come out even",
      { nodes: [node("Reshape", ["x", "s"])], tensors: [ints("s", [4, -1])] },
      "1.5 is no size: the shape would be [4,1.5]",
    ],
    [
      "a size that was made from what is not there",
      {
        nodes: [
          node("Shape", ["x"], { output: ["s"] }),
          node("Gather", ["s", "i"], { output: ["d"] }),
          node("ConstantOfShape", ["d"]),
        ],
        tensors: [ints("i", [2])],
      },
      "must be a constant, but Gather makes it while the model runs",
    ],
    [
      "a Slice of more positions than may be made",
      {
        shape: [2, 2 ** 40],
        nodes: [node("Slice", ["x", "s", "e", "a", "t"])],
        tensors: [ints("s", [-1]), ints("e", [-(2 ** 40)]), ints("a", [1]), ints("t", [-1])],
      },
      "elements would have to be made; at most 33554432 may be made in all",
    ],
    [
      "a Slice in steps of 0",
      {
        nodes: [node("Slice", ["x", "s", "e", "a", "t"])],
        tensors: [ints("s", [0]), ints("e", [1]), ints("a", [1]), ints("t", [0])],
      },
      "a step must not be 0",
    ],
    [
      "a Slice of fewer ends than starts",
      { nodes: [node("Slice", ["x", "s", "e"])], tensors: [ints("s", [0, 0]), ints("e", [1])] },
      "must be of one length",
    ],
    [
      "a Split into parts without number",
      { opset: 18, nodes: [node("Split", ["x"], { attribute: [attribute("num_outputs", 2n ** 62n)] })] },
      "num_outputs 4611686018427388000 is not the number of its outputs, 1",
    ],
    [
      "a shape of fractions",
      { nodes: [node("Reshape", ["x", "w"])], tensors: [weight] },
      "input #1 must be integers, got float32[2,3]",
    ],
    [
      "a pad that a double does not hold",
      {
        elemType: INT64,
        nodes: [node("Pad", ["x", "p", "v"])],
        tensors: [ints("p", [0, 1, 0, 0]), ints("v", [2n ** 63n - 1n], [])],
      },
      "9223372036854775807 is not supported: it is beyond 2^53",
    ],
    [
      "an input of more elements than a number counts",
      { nodes: [relu], shape: [2 ** 40, 2 ** 40] },
      "has a shape of",
    ],
    [
      "random dropout",
      {
        nodes: [node("Dropout", ["x", "", "t"])],
        tensors: [{ name: "t", dataType: BOOL, dims: [], rawData: Uint8Array.of(1) }],
      },
      "its choice is random",
    ],
    [
      "logits that are none",
      { nodes: [node("ReduceSum", ["x"], { attribute: [attribute("keepdims", 0)] })] },
      "logits must be floating-point [N, C]",
    ],
    [
      "names with control characters",
      { nodes: [node("A\u001b[2J\nB", ["x"])] },
      "not supported: A\\u001b[2J\\nB",
    ],
  ])("has %s", (_, parts, message) => {
    expect(() => read(parts)).toThrow(ModelError);
    expect(() => read(parts)).toThrow(message);
  });

  it.each([
    ["nothing", new Uint8Array(0)],
    ["text", new TextEncoder().encode("not a model, by far")],
    ["zeros", new Uint8Array(100)],
    ["a model cut off", modelOf({ nodes: [relu], tensors: [weight] }).subarray(0, -9)],
  ])("is %s", (_, bytes) => {
    expect(() => parseModel(bytes)).toThrow(ModelError);
    expect(() => parseModel(bytes)).toThrow("the file is not an ONNX model");
  });

  it("has data beside it, and is not a file", () => {
    const model = parseModel(modelOf({ nodes: [relu], tensors: [external("w.bin")] }));
    expect(() => model.initializers.get("w")?.read()).toThrow("load the model from its file");
  });

  it("names of its own that the training graph needs", () => {
    const parts = { nodes: [{ ...relu, output: ["loss"] }], outputs: ["loss"] };
    expect(() => read(parts)).toThrow('the model has a "loss" of its own');
  });
});

function external(location: string, more: Record<string, string> = {}): TensorInit {
  const entries = Object.entries({ location, ...more }).map(([key, value]) => ({ key, value }));
  const { EXTERNAL } = TensorProto_DataLocation;
  return { name: "w", dataType: FLOAT, dims: [2n, 3n], dataLocation: EXTERNAL, externalData: entries };
}

describe("a message", () => {
  it.each<[string, Parts]>([
    ["a name", { nodes: [node("Relu", ["x"]), node("A".repeat(100_000), ["x"])] }],
    [
      "a rank",
      {
        nodes: [
          node("Concat", ["x", "x"], { attribute: [attribute("axis", 0)] }),
          node("MatMul", ["x", "x"]),
        ],
        shape: new Array(500).fill(1),
      },
    ],
    ["a list", { nodes: [node("Reshape", ["x", "s"])], tensors: [ints("s", new Array(5000).fill(7))] }],
  ])("is short, however long %s is", (_, parts) => {
    let message = "";
    try {
      read(parts);
    } catch (error) {
      message = String(error);
    }
    expect(message).not.toBe("");
    expect(message.length).toBeLessThan(600);
  });

  it("has no characters that command a terminal, or hide and turn text", () => {
    const names = ["a\u009b31m", "b\u2066", "c\u200b", "d\ufeff", "e\u00ad", "f\u{e0041}", "g\u2028"];
    for (const name of names) {
      const shown = `"${name.slice(0, 1)}?${name.slice(0, 1) === "a" ? "31m" : ""}"`;
      expect(() => read({ nodes: [node("Relu", [name])] })).toThrow(`reads ${shown}, which nothing`);
      expect(new GraphError(name).message).toBe(shown.slice(1, -1));
    }
  });
});

describe("constants of a size that a file merely claims", () => {
  const convolution = (width: number) =>
    read({
      elemType: DOUBLE,
      shape: [2, 1, 9, width],
      nodes: [
        node("Conv", ["x", "f"], { output: ["c"] }),
        node("GlobalAveragePool", ["c"], { output: ["m"] }),
        node("Flatten", ["m"]),
      ],
      tensors: [{ ...floats("f", [2, 1, 3, 3], []), dataType: DOUBLE, rawData: new Uint8Array(8 * 18) }],
    });
  // There is no kernel for it in float64: it is written as a product, with the positions of all elements of all windows.
  const write = (width: number, elements: number) =>
    withBudget(elements, () => serialize(legalize(convolution(width), ONNXRUNTIME_CPU)));

  it("are refused before they are made, and made if the budget is raised", () => {
    expect(() => write(2 ** 40, DEFAULT_ELEMENTS)).toThrow(BudgetError);
    expect(() => write(100, 2 ** 8)).toThrow(
      "a tensor of 6174 elements would have to be made; at most 256 may be made in all",
    );
    expect(write(100, 2 ** 16).length).toBeGreaterThan(6174);
  });

  it("are the classes of labels, too: 40 million, of which there would be five copies", () => {
    const classes = () =>
      trainingGraph(parseModel(modelOf({ nodes: [relu], shape: [2, 40_000_000] })).graph(), { force: true });
    expect(() => withBudget(DEFAULT_ELEMENTS, classes)).toThrow(BudgetError);
  });

  it("count together, in budgets within each other too", () => {
    const nested = () => withBudget(2 ** 40, () => write(100, 2 ** 40));
    expect(() => withBudget(2 ** 16, () => [...new Array(100)].map(nested))).toThrow(BudgetError);
    expect(() => nested()).not.toThrow();
  });
});

describe("a computation of a length that a file merely claims", () => {
  /** A model that reshapes its input to what is computed from a square of zeros. */
  const reshaped = (size: number, computation: readonly NodeInit[], result: string) => ({
    nodes: [
      node("ConstantOfShape", ["square"], { output: ["c"] }),
      ...computation,
      node("Cast", [result], { output: ["i"], attribute: [attribute("to", INT64)] }),
      node("Add", ["i", "shape"], { output: ["s"] }),
      node("Reshape", ["x", "s"]),
    ],
    tensors: [ints("square", [size, size]), ints("shape", [2, 3])],
  });
  const sum = (from: string, to: string) =>
    node("ReduceSum", [from], { output: [to], attribute: [attribute("keepdims", 0)] });
  const product = [node("MatMul", ["c", "c"], { output: ["m"] }), sum("m", "r")];

  it("is made where it is short", () => {
    expect(Object.keys(read(reshaped(100, product, "r")).outputs)).toEqual(["loss", "y"]);
  });

  it("is refused where a product would take minutes", () => {
    expect(() => read(reshaped(2500, product, "r"))).toThrow(
      'Reshape "n": input #1 must be a constant, but Add makes it while the model runs',
    );
  });

  it("is refused where many nodes would take minutes together, though none does alone", () => {
    const products = Array.from({ length: 500 }, (_, at) => [
      node("MatMul", ["c", "c"], { output: [`m${at}`] }),
      sum(`m${at}`, `r${at}`),
      node("Add", [at === 0 ? "r0" : `a${at - 1}`, `r${at}`], { output: [`a${at}`] }),
    ]).flat();
    expect(() => read(reshaped(200, products, "a499"))).toThrow(
      'Reshape "n": input #1 must be a constant, but Add makes it while the model runs',
    );
  });
});

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("a sequence of a length that a file merely claims", () => {
  const recurrent = (steps: number, elements: number) =>
    withBudget(elements, () =>
      parseModel(
        modelOf({
          shape: [steps, 1, 2],
          nodes: [
            node("RNN", ["x", "w", "r"], { output: ["", "h"], attribute: [attribute("hidden_size", 1)] }),
            node("Identity", ["h"]),
          ],
          tensors: [floats("w", [1, 1, 2], [1, 2]), floats("r", [1, 1, 1], [1])],
        }),
      ).graph(),
    );

  it("is refused soon, and unrolled if it is short", () => {
    expect(() => recurrent(2 ** 32, DEFAULT_ELEMENTS)).toThrow("too many nodes would have to be made");
    // The command line looks for it, to name the remedy.
    const causes = (error: unknown): unknown[] =>
      error instanceof Error ? [error, ...causes(error.cause)] : [];
    expect(causes(thrownBy(() => recurrent(2 ** 32, DEFAULT_ELEMENTS))).at(-1)).toBeInstanceOf(BudgetError);
    expect(Object.keys(recurrent(1000, DEFAULT_ELEMENTS).outputs)).toEqual(["y"]);
  });

  it("is unrolled if the budget is raised", { tags: "nightly" }, () => {
    expect(() => recurrent(30_000, DEFAULT_ELEMENTS)).toThrow("too many nodes");
    expect(Object.keys(recurrent(30_000, 2 ** 30).outputs)).toEqual(["y"]);
  });
});

describe.each(["constructor", "toString", "valueOf", "__proto__", "hasOwnProperty"])(
  "%s, a member of every object,",
  (name) => {
    const refused = (parts: Parts) => {
      expect(() => read(parts)).toThrow(ModelError);
    };

    it("is no operator, whatever reads its tensors", () => {
      const tensors = ["a", "b", "c"].map((tensor) => ({ ...weight, name: tensor }));
      refused({ nodes: [node(name, ["x", "a", "b", "c"])], tensors });
      refused({ nodes: [node(name, ["a", "b", "x", "c"])], tensors });
    });

    it("is no operator inside a branch", () => {
      const type = AttributeProto_AttributeType.GRAPH;
      const branch = (which: string) => {
        const inner = { node: [{ opType: name, input: ["x"], output: ["z"] }], output: [{ name: "z" }] };
        return { name: which, type, g: inner };
      };
      const attributes = [branch("then_branch"), branch("else_branch")];
      const condition = { name: "c", dataType: BOOL, dims: [], rawData: new Uint8Array([1]) };
      refused({ nodes: [node("If", ["c"], { attribute: attributes })], tensors: [condition] });
    });

    it("is no way to pad, resize or activate", () => {
      const sizes = [ints("pads", [0, 1, 0, 1]), floats("scales", [2], [1, 2])];
      refused({
        nodes: [node("Pad", ["x", "pads"], { attribute: [attribute("mode", name)] })],
        tensors: sizes,
      });
      for (const setting of ["mode", "coordinate_transformation_mode", "nearest_mode"]) {
        const attributes = [attribute(setting, name)];
        refused({ nodes: [node("Resize", ["x", "", "scales"], { attribute: attributes })], tensors: sizes });
      }
      const strings = { name: "activations", type: AttributeProto_AttributeType.STRINGS };
      const activations = { ...strings, strings: [new TextEncoder().encode(name)] };
      refused({
        shape: [2, 1, 2],
        nodes: [node("RNN", ["x", "w", "r"], { attribute: [attribute("hidden_size", 1), activations] })],
        tensors: [floats("w", [1, 1, 2], [1, 2]), floats("r", [1, 1, 1], [1])],
      });
    });

    it("is an open size like any other", () => {
      const model = parseModel(modelOf({ nodes: [relu], shape: [name, 3] }));
      expect(() => model.graph()).toThrow(`open size "${name}"`);
      expect(model.graph(Object.fromEntries([[name, 2]])).inputs[0]?.shape).toEqual([2, 3]);
    });
  },
);

describe("a model that is odd, but good", () => {
  it("adds twenty thousand tensors in one node", () => {
    const tensors = [ints("one", [1])];
    const sum = node("Sum", new Array(20_000).fill("one"), { output: ["s"] });
    const nodes = [
      sum,
      node("Cast", ["s"], { output: ["f"], attribute: [attribute("to", FLOAT)] }),
      node("Add", ["x", "f"]),
    ];
    expect(Object.keys(read({ nodes, tensors }).outputs)).toEqual(["loss", "y"]);
  });

  it("computes a constant that nobody could store", () => {
    const nodes = [
      node("ConstantOfShape", ["s"], { output: ["c"] }),
      node("ReduceSum", ["c"], { output: ["r"], attribute: [attribute("keepdims", 0)] }),
      node("Add", ["x", "r"]),
    ];
    const graph = read({ nodes, tensors: [ints("s", [2 ** 20, 2 ** 20])] });
    expect(Object.keys(graph.outputs)).toEqual(["loss", "y"]);
  });

  it("has an output that is an input", () => {
    const graph = read({ outputs: ["x"] });
    expect(Object.keys(graph.outputs)).toEqual(["loss"]);
    expect(() => serialize(graph)).not.toThrow();
  });

  it("is ten thousand nodes deep", () => {
    const nodes = Array.from({ length: 10_000 }, (_, at) =>
      node("Tanh", [at === 0 ? "x" : `t${at - 1}`], {
        name: `n${at}`,
        output: [at === 9999 ? "y" : `t${at}`],
      }),
    );
    const graph = trainingGraph(parseModel(modelOf({ nodes })).graph(), { wrt: ["x"] });
    expect(serialize(optimize(graph)).length).toBeGreaterThan(10_000);
  });
});

describe("data beside a model", () => {
  const folder = mkdtempSync(join(tmpdir(), "onnx-external-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const inside = join(folder, "model");
  mkdirSync(join(inside, "parts"), { recursive: true });
  writeFileSync(join(folder, "secret.bin"), bytesOf(9, 9, 9, 9, 9, 9));
  writeFileSync(join(inside, "parts", "w.bin"), bytesOf(0, 1, 2, 3, 4, 5, 6));
  symlinkSync(join(folder, "secret.bin"), join(inside, "link.bin"));
  writeFileSync(join(inside, "sparse.bin"), "");
  const load = (tensor: TensorInit) => {
    const path = join(inside, "model.onnx");
    writeFileSync(path, modelOf({ nodes: [node("Add", ["x", "w"])], tensors: [tensor] }));
    return loadModel(path);
  };

  it("is read where it is said to be", () => {
    const model = load(external("parts/w.bin", { offset: "4", length: "24" }));
    expect(Array.from(model.initializers.get("w")?.read().data ?? [], Number)).toEqual([1, 2, 3, 4, 5, 6]);
    const graph = trainingGraph(model.graph());
    expect(Object.keys(graph.outputs)).toEqual(["loss", "y", "w.grad"]);
  });

  it.each<[string, TensorInit, string]>([
    ["missing", external("none.bin"), 'none.bin" does not exist'],
    ["a folder", external("parts"), "is not a regular file"],
    [
      "above the model's folder",
      external("../secret.bin"),
      'said to be in "../secret.bin", outside its folder',
    ],
    ["at an absolute path", external(join(folder, "secret.bin")), "outside its folder"],
    ["behind a link that leads out", external("link.bin"), "outside its folder"],
    ["written the other system's way", external("..\\secret.bin"), "outside its folder"],
    ["too short", external("parts/w.bin", { offset: "8" }), "has 28 bytes, 32 are needed"],
    [
      "of another length than the tensor",
      external("parts/w.bin", { length: "8" }),
      'needs 24 bytes of "parts/w.bin", the model says 8',
    ],
    ["at no offset", external("parts/w.bin", { offset: "-4" }), "needs 24 bytes"],
    ["nowhere", external(""), "does not say in which"],
  ])("is refused if it is %s", (_, tensor, message) => {
    expect(() => load(tensor)).toThrow(ModelError);
    expect(() => load(tensor)).toThrow(message);
  });

  it("is not read if it is larger than the budget, and asked for", () => {
    truncateSync(join(inside, "sparse.bin"), 2 ** 34);
    const path = join(inside, "sparse.onnx");
    const tensor = { ...external("sparse.bin"), dataType: BOOL, dims: [2n ** 34n] };
    const nodes = [
      node("Cast", ["w"], { output: ["s"], attribute: [attribute("to", INT64)] }),
      node("Reshape", ["x", "s"]),
    ];
    writeFileSync(path, modelOf({ nodes, tensors: [tensor] }));
    expect(() => loadModel(path).graph()).toThrow("a tensor of 17179869184 elements would have to be made");
  });

  it("a model that no protobuf can be is refused unread", () => {
    const path = join(folder, "large.onnx");
    writeFileSync(path, "");
    truncateSync(path, 2 ** 31);
    expect(() => loadModel(path)).toThrow("the model has 2147483648 bytes, a protobuf at most 2147483647");
  });

  it.each([
    ["does not exist", "none.onnx"],
    ["is not a regular file", "model"],
  ])("a model %s", (message, name) => {
    expect(() => loadModel(join(folder, name))).toThrow(message);
  });
});

describe("a model with bytes changed", () => {
  const good = [
    "cnn-opset13",
    "attention-opset17",
    "signals-opset18",
    "residual-opset9",
    "recurrent-opset7",
  ].map((name) => readFileSync(new URL(`fixtures/${name}.onnx`, import.meta.url)));
  const change = fc.record({
    which: fc.nat(good.length - 1),
    edits: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    }),
    length: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  });

  it("is read or refused in words, whatever the change", () => {
    const property = fc.property(change, ({ which, edits, length }) => {
      const original = good[which] as Uint8Array;
      const bytes = Uint8Array.from(original);
      for (const [at, value] of edits) bytes[Math.floor(at * (bytes.length - 1))] = value;
      const given = length === null ? bytes : bytes.subarray(0, Math.floor(length * bytes.length));
      try {
        const model = parseModel(given);
        const open = model.inputs.flatMap(({ shape }) => shape.filter((size) => typeof size === "string"));
        trainingGraph(model.graph(Object.fromEntries(open.map((name) => [name, 2]))));
      } catch (error) {
        if (!(error instanceof ModelError) && !(error instanceof GraphError)) throw error;
      }
    });
    fc.assert(property, { numRuns: 1500, seed: 3 });
  });
});

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  elementsOf,
  fromHalfBits,
  isFloat,
  isHalf,
  sizeOf,
  type Tensor,
  tensor,
  toHalfBits,
} from "@softmax-bench/graph";
import { ModelError, parseModel, writeBack } from "@softmax-bench/onnx";
import { loadModel, saveWeights } from "@softmax-bench/onnx/node";
import { afterAll, describe, expect, it } from "vitest";
import { TensorProto_DataType } from "../src/proto/onnx_pb.js";
import { DOUBLE, FLOAT, FLOAT16, floats, ints, modelOf, type TensorInit } from "./build-model.js";
import { runModel } from "./support.js";

const { BFLOAT16 } = TensorProto_DataType;
const FIXTURES = new URL("fixtures/", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "onnx-weights-"));
afterAll(() => rmSync(folder, { recursive: true }));

const before = [1, -2, 0.5, 300, 0, 7];
const after = [-0.25, 2, 1024, 3, 0.125, -9];
type Kind = "float32" | "float64" | "float16" | "bfloat16";
const TYPES = { float32: FLOAT, float64: DOUBLE, float16: FLOAT16, bfloat16: BFLOAT16 };
const bits = (dtype: Kind, values: readonly number[]): Uint8Array => {
  if (dtype === "float64") return new Uint8Array(Float64Array.from(values).buffer);
  const singles = Float32Array.from(values);
  return new Uint8Array((isHalf(dtype) ? Uint16Array.from(toHalfBits(dtype, singles)) : singles).buffer);
};

/** A tensor of six numbers in each of the ways in which it can be stored inside a model. */
const stored = (dtype: Kind, isRaw: boolean, values: readonly number[]): TensorInit => {
  const type = { name: "w", dataType: TYPES[dtype], dims: [2n, 3n], docString: "kept" };
  if (isRaw) return { ...type, rawData: bits(dtype, values) };
  if (dtype === "float32") return { ...type, floatData: [...values] };
  if (dtype === "float64") return { ...type, doubleData: [...values] };
  return { ...type, int32Data: [...new Uint16Array(bits(dtype, values).buffer)] };
};

const product = { opType: "MatMul", input: ["x", "w"], output: ["y"] };
const modelWith = (dtype: Kind, weight: TensorInit): Uint8Array =>
  modelOf({
    nodes: [product],
    tensors: [ints("first", [1, 2]), weight, floats("last", [2], [1, 2])],
    shape: [4, 2],
    elemType: TYPES[dtype],
  });
const inConstant = (dtype: Kind, weight: TensorInit): Uint8Array =>
  modelOf({
    nodes: [
      { opType: "Constant", output: ["w"], attribute: [{ name: "value", type: 4, t: weight }] },
      product,
    ],
    shape: [4, 2],
    elemType: TYPES[dtype],
  });

const weights = (dtype: Kind, values = after): Map<string, Tensor> =>
  new Map([["w", tensor(dtype, [2, 3], values)]]);

const HOW = (["float32", "float64", "float16", "bfloat16"] as const).flatMap((dtype) =>
  [true, false].flatMap((isRaw) =>
    [modelWith, inConstant].map((make) => ({ dtype, isRaw, make, place: make.name })),
  ),
);

describe.each(HOW)("a $dtype tensor, raw: $isRaw, $place", ({ dtype, isRaw, make }) => {
  const model = make(dtype, stored(dtype, isRaw, before));

  it("is replaced, and nothing else: the protobuf library writes the same bytes", () => {
    expect(writeBack(model, weights(dtype))).toEqual(make(dtype, stored(dtype, isRaw, after)));
  });

  it("and equal values make the same file", () => {
    expect(writeBack(model, weights(dtype, before))).toBe(model);
  });
});

/** A message with a field of its own way of writing. */
const message = (write: (writer: BinaryWriter) => void): Uint8Array => {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
};

describe("what a protobuf may have", () => {
  const [small, large] = [1, 60000];
  /** Unknown fields everywhere, fields in an unusual order, lengths of more bytes than they need, lists in pieces. */
  const odd = (values: readonly number[]): Uint8Array => {
    const unknown = (writer: BinaryWriter) => writer.tag(19000, WireType.LengthDelimited).string("unknown");
    const weight = message((writer) => {
      unknown(writer);
      // Two numbers in a list, and one by itself.
      const list = message((inner) => inner.uint32(values[0] ?? 0).uint32(values[1] ?? 0));
      writer.tag(5, WireType.LengthDelimited).bytes(list);
      writer.tag(8, WireType.LengthDelimited).string("w");
      writer.tag(5, WireType.Varint).uint32(values[2] ?? 0);
      writer.tag(2, WireType.Varint).int32(BFLOAT16);
      writer.tag(1, WireType.Varint).int64(3n);
    });
    const add = { opType: "Add", input: ["x", "w"], output: ["y"] };
    const rest = modelOf({ nodes: [add], shape: [3], elemType: BFLOAT16 });
    const graph = message((writer) => {
      unknown(writer);
      writer.tag(5, WireType.LengthDelimited).bytes(weight);
    });
    // Its length in three bytes; two are enough. A second graph is merged with the first.
    const padded = Uint8Array.of(0x3a, 0x80 | (graph.length & 0x7f), 0x80 | (graph.length >> 7), 0, ...graph);
    return Uint8Array.of(...rest, ...padded, ...message(unknown));
  };

  it("stays as it is: unknown fields, order, lists in pieces", () => {
    const model = odd([small, large, small]);
    const halves = (numbers: readonly number[]) =>
      new Map([
        [
          "w",
          {
            dtype: "bfloat16",
            shape: [3],
            data: fromHalfBits("bfloat16", Uint16Array.from(numbers)),
          } as Tensor,
        ],
      ]);
    expect(writeBack(model, halves([small, large, small]))).toBe(model);
    // Two bytes more for a number, and two less for the padded length.
    const longer = writeBack(model, halves([large - 1, large - 2, small + 1]));
    expect(longer).toHaveLength(model.length);
    expect(parseModel(longer).initializers.get("w")?.read().data).toEqual(
      fromHalfBits("bfloat16", Uint16Array.of(large - 1, large - 2, small + 1)),
    );
    // Of the same length: the padded one stays.
    expect(writeBack(model, halves([small + 1, large + 1, small + 2]))).toEqual(
      odd([small + 1, large + 1, small + 2]),
    );
  });
});

const onnxFiles = [
  ...readdirSync(FIXTURES).filter((name) => name.endsWith(".onnx")),
  ...readdirSync(join(FIXTURES, "networks"))
    .filter((name) => name.endsWith(".onnx"))
    .map((name) => `networks/${name}`),
];

describe.each(onnxFiles)("%s, as PyTorch wrote it", (name) => {
  const path = join(FIXTURES, name);
  const bytes = readFileSync(path);
  const model = loadModel(path);
  const floating = [...model.initializers.values()].filter((of) => isFloat(of) && sizeOf(of.shape) > 0);

  it("is the same file with its own weights", () => {
    const same = writeBack(bytes, new Map(floating.map((of) => [of.name, of.read()])));
    expect(Buffer.compare(same, bytes)).toBe(0);
  });

  it("has other weights in the places of the old ones, and no other change", () => {
    const chosen = floating.filter((of) => model.choices.get(of.name)?.isParameter);
    const moved = new Map(
      chosen.map((of) => {
        const stored = of.read();
        return [
          of.name,
          tensor(
            stored.dtype,
            stored.shape,
            elementsOf(stored).map((value) => Number(value) + 1),
          ),
        ];
      }),
    );
    const written = writeBack(bytes, moved);
    const read = parseModel(written);
    for (const [of, { data }] of moved) expect(read.initializers.get(of)?.read().data).toEqual(data);
    expect(written).toHaveLength(bytes.length);
    // Back again, all bytes are the old ones.
    const old = new Map(
      [...model.initializers].filter(([, of]) => isFloat(of)).map(([of, t]) => [of, t.read()]),
    );
    expect(Buffer.compare(writeBack(written, old), bytes)).toBe(0);
  });
});

it("changes the transposed copy of a tied weight, too", () => {
  const bytes = readFileSync(join(FIXTURES, "networks/gpt2.onnx"));
  const { choices, initializers } = parseModel(bytes);
  const [copy, choice] = [...choices].find(([, { tie }]) => tie?.relation === "transpose") ?? [];
  const original = choice?.tie?.original ?? "";
  const stored = initializers.get(original);
  if (!stored) throw new Error("the fixture has no tied weight");
  const { dtype, shape } = stored;
  const changed = new Map([[original, tensor(dtype, shape, new Array(sizeOf(shape)).keys())]]);
  const [rows = 0, columns = 0] = shape;
  const found = parseModel(writeBack(bytes, changed))
    .initializers.get(copy ?? "")
    ?.read().data;
  expect(found).toHaveLength(rows * columns);
  for (const [row, column] of [
    [0, 1],
    [1, 0],
    [rows - 1, 2],
  ] as const) {
    expect(found?.[column * rows + row]).toBe(row * columns + column);
  }
});

it("changes the other weight of a mixture, too", () => {
  const bytes = modelOf({
    tensors: [floats("block.mix", [3], [0.25, 0.5, 0.125]), floats("sub_3", [3], [0.75, 0.5, 0.875])],
    nodes: [
      { opType: "Mul", input: ["x", "block.mix"], output: ["a"] },
      { opType: "Mul", input: ["x", "sub_3"], output: ["b"] },
      { opType: "Add", input: ["a", "b"], output: ["y"] },
    ],
  });
  const changed = new Map([["block.mix", tensor("float32", [3], [0, -1, 0.0625])]]);
  const { initializers } = parseModel(writeBack(bytes, changed));
  expect(initializers.get("sub_3")?.read().data).toEqual(Float32Array.of(1, 2, 0.9375));
});

it("changes every copy of the weight of a layer that is used twice", () => {
  const tensors = [
    floats(
      "first",
      [3, 3],
      Array(9)
        .fill(0.5)
        .map((half, at) => half * at),
    ),
    floats(
      "again",
      [3, 3],
      Array(9)
        .fill(0.5)
        .map((half, at) => half * at),
    ),
    floats("bias", [3], [1, 2, 4]),
  ];
  const layer = (x: string, weight: string, y: string) => [
    { opType: "MatMul", input: [x, weight], output: [`${weight}.product`] },
    { opType: "Add", input: [`${weight}.product`, "bias"], output: [y] },
  ];
  const bytes = modelOf({ tensors, nodes: [...layer("x", "first", "h"), ...layer("h", "again", "y")] });
  const changed = tensor("float32", [3, 3], [9, 8, 7, 6, 5, 4, 3, 2, 1]);
  const written = parseModel(writeBack(bytes, new Map([["first", changed]]))).initializers;
  for (const name of ["first", "again"]) expect(written.get(name)?.read().data).toEqual(changed.data);
});

it("a trained network infers in ONNX Runtime what PyTorch's does", async () => {
  const {
    after: trained,
    x,
    labels,
    logits,
  } = JSON.parse(readFileSync(join(FIXTURES, "batch-norm.json"), "utf8"));
  const bytes = readFileSync(join(FIXTURES, "batch-norm-inference.onnx"));
  const { initializers } = parseModel(bytes);
  const moved = new Map(
    Object.entries<number[]>(trained).map(([name, values]) => [
      name,
      tensor("float64", initializers.get(name)?.shape ?? [], values),
    ]),
  );
  const outputs = await runModel(writeBack(bytes, moved), {
    x: tensor("float64", [labels.length, 3, 4], x),
  });
  for (const [index, value] of logits.entries()) {
    expect(Number(outputs.logits?.data[index])).toBeCloseTo(value, 12);
  }
});

describe("an odd model that the protobuf library reads", () => {
  const constant = (output: readonly string[], weight: TensorInit) => ({
    opType: "Constant",
    output: [...output],
    attribute: [{ name: "value", type: 4, t: weight }],
  });
  const six = stored("float32", true, before);

  it("has a Constant with a second output: the weight is under the first", () => {
    const model = modelOf({ nodes: [constant(["w", "unused"], six), product], shape: [4, 2] });
    const written = parseModel(writeBack(model, weights("float32")));
    expect(written.initializers.get("w")?.read().data).toEqual(Float32Array.from(after));
  });

  it("names the single number of a Constant as an initialiser: only the initialiser is replaced", () => {
    const single = { name: "one", dataType: FLOAT, floatData: [1] };
    const model = (weight: TensorInit) =>
      modelOf({ nodes: [constant(["w"], single), product], tensors: [weight], shape: [4, 2] });
    expect(writeBack(model(six), weights("float32"))).toEqual(model(stored("float32", true, after)));
  });

  /** A field of a message, with a wire type that is not the one of messages. */
  const mistyped = (number: number, content: Uint8Array): Uint8Array =>
    message((writer) => writer.tag(number, WireType.Varint).bytes(content));

  it.each([
    ["has another wire type", 7, "field 7 should be a message, but has wire type 0"],
    ["ends too early by its own lengths", 8, "the file is not a valid protobuf"],
  ])("is refused if a field %s", (_, number, says) => {
    const graph = message((writer) => writer.tag(2, WireType.LengthDelimited).string("name"));
    const cut =
      number === 7
        ? mistyped(7, graph)
        : message((writer) => {
            const opset = message((inner) =>
              inner.tag(2, WireType.Varint).int64(17n).tag(1, WireType.LengthDelimited).string(""),
            );
            writer.tag(8, WireType.Bit64).bytes(opset);
          });
    const model = Uint8Array.of(...modelWith("float32", six), ...cut);
    const write = () => writeBack(model, weights("float32"));
    expect(write).toThrow(ModelError);
    expect(write).toThrow(says);
  });
});

describe("data in other files", () => {
  const external = (location: string): TensorInit => ({
    name: "w",
    dataType: FLOAT,
    dims: [2n, 3n],
    dataLocation: 1,
    externalData: [
      { key: "location", value: location },
      { key: "offset", value: "4" },
    ],
  });
  const written = (location: string): string => {
    const from = mkdtempSync(join(folder, "from-"));
    mkdirSync(join(from, "parts"));
    writeFileSync(join(from, location), Buffer.from([1, 2, 3, 4, ...bits("float32", before), 5]), {
      mode: 0o444,
    });
    writeFileSync(join(from, "net.onnx"), modelWith("float32", external(location)));
    return from;
  };

  it.each(["w.bin", "parts/w.bin"])("are copied beside the other model: %s", (location) => {
    const [from, to] = [written(location), mkdtempSync(join(folder, "to-"))];
    for (let again = 0; again < 2; again++) {
      saveWeights(join(from, "net.onnx"), weights("float32"), join(to, "trained.onnx"));
    }
    expect([...readFileSync(join(to, location))]).toEqual([1, 2, 3, 4, ...bits("float32", after), 5]);
    expect(readFileSync(join(to, "trained.onnx"))).toEqual(readFileSync(join(from, "net.onnx")));
    expect([...readFileSync(join(from, location))].slice(4, -1)).toEqual([...bits("float32", before)]);
    expect(loadModel(join(to, "trained.onnx")).initializers.get("w")?.read().data).toEqual(
      Float32Array.from(after),
    );
  });

  it("keep their names, and so need another folder", () => {
    const from = written("w.bin");
    const save = () => saveWeights(join(from, "net.onnx"), weights("float32"), join(from, "trained.onnx"));
    expect(save).toThrow(ModelError);
    expect(save).toThrow(
      'the model\'s data are in "w.bin": write to another folder, where they keep their name',
    );
    expect(readdirSync(from).sort()).toEqual(["net.onnx", "parts", "w.bin"]);
  });
});

describe("refuses", () => {
  const model = modelWith("float32", stored("float32", true, before));
  it.each<[string, string, Tensor, string]>([
    ["an unknown name", "v", tensor("float32", [2, 3], after), 'no tensor "v"; it stores "w", "last"'],
    [
      "another shape",
      "w",
      tensor("float32", [3, 2], after),
      '"w" is float32[2,3] in the model, the new one is float32[3,2]',
    ],
    ["another type", "w", tensor("float64", [2, 3], after), "the new one is float64[2,3]"],
    [
      "integers",
      "first",
      tensor("int64", [2], [3, 4]),
      '"first" is int64[2]: only floating-point tensors can be written',
    ],
    [
      "fewer numbers than the shape has",
      "w",
      { dtype: "float32", shape: [2, 3], data: new Float32Array(5) },
      "its new data are 5 numbers",
    ],
  ])("%s", (_, name, value, message) => {
    const write = () => writeBack(model, new Map([[name, value]]));
    expect(write).toThrow(ModelError);
    expect(write).toThrow(message);
  });
});

import { create } from "@bufbuild/protobuf";
import { attributeProto, ONNX_DTYPE, type OnnxAttribute } from "../operators.js";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type NodeProto,
  NodeProtoSchema,
} from "../proto/onnx_pb.js";

/**
 * Nodes of old operator sets, in the form that the newest one has: readers know that form only. A change that is not
 * listed adds types, defines what was undefined, or names a default.
 */

/** The nodes that compute the same from the operator set of the change on. */
type Rewrite = (node: NodeProto) => readonly NodeProto[];

/** The changes of an operator: the first operator set with a new form, and how an older node is written in it. */
type Changes = readonly (readonly [opset: number, rewrite: Rewrite])[];

/** Writes nodes of an operator set in the form of the newest one, those of their branches too. */
export const modernized = (nodes: readonly NodeProto[], opset: number): NodeProto[] =>
  nodes.flatMap((node) => newestForm(withBranches(node, opset), opset));

function newestForm(node: NodeProto, opset: number): readonly NodeProto[] {
  const isStandard = node.domain === "" || node.domain === "ai.onnx";
  const next = isStandard ? CHANGES.get(node.opType)?.find(([since]) => since > opset) : undefined;
  if (!next) return [node];
  const [since, rewrite] = next;
  return rewrite(node).flatMap((of) => newestForm(of, since));
}

function withBranches(node: NodeProto, opset: number): NodeProto {
  if (!node.attribute.some(({ g }) => g)) return node;
  const attribute = node.attribute.map((of) => {
    if (!of.g) return of;
    const { name, initializer, input, output } = of.g;
    const g = { name, initializer, input, output, node: modernized(of.g.node, opset) };
    return create(AttributeProtoSchema, { name: of.name, type: of.type, g });
  });
  return withParts(node, { attribute });
}

/** A copy with other parts. */
const withParts = (
  { name, domain, opType, input, output, attribute, metadataProps }: NodeProto,
  parts: Partial<Pick<NodeProto, "opType" | "input" | "output" | "attribute">>,
): NodeProto =>
  create(NodeProtoSchema, { name, domain, opType, input, output, attribute, metadataProps, ...parts });

type AttributeValues = Readonly<Record<string, OnnxAttribute>>;

const attributesOf = (values: AttributeValues): AttributeProto[] =>
  Object.entries(values).map(([name, value]) => create(AttributeProtoSchema, attributeProto(name, value)));

/** The node with other parts; attributes that are given replace those of their name. */
function changed(
  node: NodeProto,
  parts: Partial<Pick<NodeProto, "opType" | "input" | "output">>,
  attributes: AttributeValues = {},
  removed: readonly string[] = [],
): NodeProto {
  const isKept = ({ name }: AttributeProto) => !removed.includes(name) && !Object.hasOwn(attributes, name);
  const attribute = [...node.attribute.filter(isKept), ...attributesOf(attributes)];
  return withParts(node, { ...parts, attribute });
}

/** Nodes beside one that is rewritten. Their results have names that exporters do not write. */
class Neighbours {
  readonly nodes: NodeProto[] = [];
  readonly #of: NodeProto;

  constructor(of: NodeProto) {
    this.#of = of;
  }

  name(label: string): string {
    return `${this.#of.output.find((name) => name !== "") ?? ""} (${label})`;
  }

  add(
    opType: string,
    input: readonly string[],
    output: string,
    attribute: readonly AttributeProto[],
  ): string {
    this.nodes.push(
      create(NodeProtoSchema, { opType, input: [...input], output: [output], attribute: [...attribute] }),
    );
    return output;
  }

  /** Adds a node, and returns the name of its result. */
  make(label: string, opType: string, input: readonly string[], values: AttributeValues = {}): string {
    return this.add(opType, input, this.name(label), attributesOf(values));
  }
}

const operand = ({ input }: NodeProto, position = 0): string => input[position] ?? "";
const attributeNamed = ({ attribute }: NodeProto, name: string): AttributeProto | undefined =>
  attribute.find((of) => of.name === name);
const textOf = (node: NodeProto, name: string, otherwise: string): string => {
  const found = attributeNamed(node, name);
  return found ? new TextDecoder().decode(found.s) : otherwise;
};

const { FLOAT, FLOATS, INT, INTS } = AttributeProto_AttributeType;
/** Names of the attributes of `Constant`, by their type. */
const VALUES = new Map<number, string>([
  [FLOAT, "value_float"],
  [FLOATS, "value_floats"],
  [INT, "value_int"],
  [INTS, "value_ints"],
]);

/** Attributes become inputs, in this order after the first; a floating-point number takes the type of the first. */
const asInputs =
  (...names: readonly string[]): Rewrite =>
  (node) => {
    const before = new Neighbours(node);
    const [moved, input] = [[] as string[], [...node.input]];
    for (const [at, name] of names.entries()) {
      const given = attributeNamed(node, name);
      const value = given && VALUES.get(given.type);
      if (!given || !value || operand(node, at + 1) !== "") continue;
      const { type, f, floats, i, ints } = given;
      const constant = create(AttributeProtoSchema, { name: value, type, f, floats, i, ints });
      const label = before.add("Constant", [], before.name(name), [constant]);
      while (input.length <= at + 1) input.push("");
      input[at + 1] =
        given.type === FLOAT ? before.make(`${name} of its type`, "CastLike", [label, operand(node)]) : label;
      moved.push(name);
    }
    return [...before.nodes, changed(node, { input }, {}, moved)];
  };

/** Softmax over all axes from the given one to the last together: they become one axis. The default is axis 1. */
const overLastAxes: Rewrite = (node) => {
  const axis = Number(attributeNamed(node, "axis")?.i ?? 1);
  if (axis === -1) return [node];
  const before = new Neighbours(node);
  const rows = before.make("rows", "Flatten", [operand(node)], { axis });
  const kept = before.make("sizes of other axes", "Shape", [operand(node)], { end: axis });
  const columns = before.make("size of a row", "Shape", [rows], { start: 1 });
  const sizes = before.make("sizes", "Concat", [kept, columns], { axis: 0 });
  const joined = before.make("joined", "Reshape", [operand(node), sizes]);
  const result = before.name("of joined");
  const softmax = changed(node, { input: [joined, ...node.input.slice(1)], output: [result] }, { axis: -1 });
  return [...before.nodes, softmax, ...inShapeOf(node, result)];
};

/** Gives a value the shape of the node's operand, and the name of its result. */
function inShapeOf(node: NodeProto, value: string): readonly NodeProto[] {
  const after = new Neighbours(node);
  const shape = after.make("shape", "Shape", [operand(node)]);
  after.add("Reshape", [value, shape], node.output[0] ?? "", []);
  return after.nodes;
}

/** Without `spatial`, each element of an image has statistics of its own: images become rows. */
const perElement: Rewrite = (node) => {
  if (attributeNamed(node, "spatial")?.i !== 0n) return [changed(node, {}, {}, ["spatial"])];
  // Moving statistics would have to change their shape, too.
  if (isTraining(node)) return [node];
  const before = new Neighbours(node);
  const rows = before.make("rows", "Flatten", [operand(node)], { axis: 1 });
  const flat = before.make("flat", "Constant", [], { value_ints: [-1] });
  const statistics = node.input
    .slice(1)
    .map((name, at) => before.make(`statistic ${at}`, "Reshape", [name, flat]));
  const result = before.name("of rows");
  const normalization = changed(node, { input: [rows, ...statistics], output: [result] }, {}, ["spatial"]);
  return [...before.nodes, normalization, ...inShapeOf(node, result)];
};

/** Moved statistics are asked for in training only. */
const isTraining = ({ output }: NodeProto): boolean => output.slice(1).some((name) => name !== "");

/** The last two outputs were left to the runtime. */
const inTraining: Rewrite = (node) => [
  isTraining(node)
    ? changed(node, { output: node.output.slice(0, 3) }, { training_mode: 1 })
    : changed(node, { output: node.output.slice(0, 1) }),
];

/** The mask had the type of the operand. */
const withBooleanMask: Rewrite = (node) => {
  const [result = "", mask = ""] = node.output;
  if (mask === "") return [node];
  const after = new Neighbours(node);
  const made = after.name("mask");
  after.add("CastLike", [made, operand(node)], mask, []);
  return [changed(node, { output: [result, made] }), ...after.nodes];
};

/**
 * Positions are those of the operand divided by the scale. The nearest element is the one before, but the one after
 * along an axis that shrinks, as in ONNX's own tests of that operator set and in ONNX Runtime.
 */
const withCoordinates: Rewrite = (node) => {
  const [x = "", scales = "", ...others] = node.input;
  const asymmetric = { coordinate_transformation_mode: "asymmetric" };
  if (textOf(node, "mode", "nearest") !== "nearest")
    return [changed(node, { input: [x, "", scales, ...others] }, asymmetric)];
  const before = new Neighbours(node);
  const one = before.make("scale of 1", "Constant", [], { value_float: { float: 1 } });
  const shrinking = before.make("scales below 1", "Min", [scales, one]);
  const growing = before.make("scales above 1", "Max", [scales, one]);
  const shrunk = before.make("shrunk", "Resize", [x, "", shrinking], { ...asymmetric, nearest_mode: "ceil" });
  const grown = changed(
    node,
    { input: [shrunk, "", growing, ...others] },
    { ...asymmetric, nearest_mode: "floor" },
  );
  return [...before.nodes, grown];
};

/** Roundings of (x + 0.5) / scale, as roundings of half a position less. */
const HALF_LESS = new Map([
  ["floor", "round_prefer_ceil"],
  ["round_prefer_floor", "ceil"],
]);

const withHalfPixels: Rewrite = (node) => {
  const rounding = HALF_LESS.get(textOf(node, "nearest_mode", "round_prefer_floor"));
  const isOld = textOf(node, "coordinate_transformation_mode", "") === "tf_half_pixel_for_nn";
  if (!isOld || !rounding || textOf(node, "mode", "nearest") !== "nearest") return [node];
  return [changed(node, {}, { coordinate_transformation_mode: "half_pixel", nearest_mode: rounding })];
};

/** Fills a shape, an input, with a number; before, this was an experimental operator, which PyTorch wrote. */
const expanded: Rewrite = (node) => {
  const others = node.attribute.filter(({ name }) => !["input_as_shape", "dtype", "value"].includes(name));
  if (attributeNamed(node, "input_as_shape")?.i !== 1n || others.length > 0) return [node];
  const before = new Neighbours(node);
  const value = { value_float: { float: attributeNamed(node, "value")?.f ?? 0 } };
  const number = before.make("number", "Constant", [], value);
  const to = Number(attributeNamed(node, "dtype")?.i ?? ONNX_DTYPE.float32);
  const filling = before.make("filling", "Cast", [number], { to });
  const input = [filling, ...node.input];
  return [
    ...before.nodes,
    changed(node, { opType: "Expand", input }, {}, ["input_as_shape", "dtype", "value"]),
  ];
};

/** Linear and cubic were called by their two dimensions. */
const METHODS = new Map([
  ["bilinear", "linear"],
  ["bicubic", "cubic"],
]);

const ofAnyDimensions: Rewrite = (node) => {
  const mode = textOf(node, "mode", "bilinear");
  return [changed(node, {}, { mode: METHODS.get(mode) ?? mode })];
};

/** Scale and offset were per group, and become per channel: each is repeated for the channels of its group. */
const perChannel: Rewrite = (node) => {
  const before = new Neighbours(node);
  const groups = Number(attributeNamed(node, "num_groups")?.i ?? 0);
  if (!(groups > 0)) return [node];
  const channels = before.make("channels", "Shape", [operand(node)], { start: 1, end: 2 });
  const count = before.make("groups", "Constant", [], { value_ints: [groups] });
  const each = before.make("channels per group", "Div", [channels, count]);
  const sizes = before.make("groups and channels", "Concat", [count, each], { axis: 0 });
  const column = before.make("column", "Constant", [], { value_ints: [-1, 1] });
  const flat = before.make("flat", "Constant", [], { value_ints: [-1] });
  const repeated = (position: number, label: string) => {
    const rows = before.make(`${label} in a column`, "Reshape", [operand(node, position), column]);
    const table = before.make(`${label} in rows`, "Expand", [rows, sizes]);
    return before.make(`${label} per channel`, "Reshape", [table, flat]);
  };
  const input = [operand(node), repeated(1, "scale"), repeated(2, "offset"), ...node.input.slice(3)];
  return [...before.nodes, changed(node, { input })];
};

const SOFTMAX: Changes = [[13, overLastAxes]];
const REDUCTION: Changes = [[18, asInputs("axes")]];

const CHANGES: ReadonlyMap<string, Changes> = new Map(
  Object.entries<Changes>({
    BatchNormalization: [
      [9, perElement],
      [14, inTraining],
    ],
    Clip: [[11, asInputs("min", "max")]],
    ConstantFill: [[9, expanded]],
    Dropout: [
      [10, withBooleanMask],
      [12, (node) => [changed(node, {}, {}, ["ratio"])]],
    ],
    GridSample: [[20, ofAnyDimensions]],
    GroupNormalization: [[21, perChannel]],
    Hardmax: SOFTMAX,
    LogSoftmax: SOFTMAX,
    Pad: [[11, asInputs("pads", "value")]],
    ReduceL1: REDUCTION,
    ReduceL2: REDUCTION,
    ReduceLogSum: REDUCTION,
    ReduceLogSumExp: REDUCTION,
    ReduceMax: REDUCTION,
    ReduceMean: REDUCTION,
    ReduceMin: REDUCTION,
    ReduceProd: REDUCTION,
    ReduceSum: [[13, asInputs("axes")]],
    ReduceSumSquare: REDUCTION,
    Resize: [
      [11, withCoordinates],
      [13, withHalfPixels],
    ],
    Scatter: [[11, (node) => [changed(node, { opType: "ScatterElements" })]]],
    Slice: [[10, asInputs("starts", "ends", "axes")]],
    Softmax: SOFTMAX,
    Split: [[13, asInputs("split")]],
    Squeeze: [[13, asInputs("axes")]],
    TopK: [[10, asInputs("k")]],
    Unsqueeze: [[13, asInputs("axes")]],
    Upsample: [
      [9, asInputs("scales")],
      [10, (node) => [changed(node, { opType: "Resize" })]],
    ],
  }),
);

import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  formatType,
  isFloat,
  isHalf,
  sameShape,
  sizeOf,
  type Tensor,
  toHalfBits,
} from "@softmax-bench/graph";
import {
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from "./proto/onnx_pb.js";
import { ModelError, quote } from "./read/error.js";
import { type Model, parseModel } from "./read/model.js";
import { complementOf } from "./read/recognize.js";
import type { ExternalData, ReadExternal, StoredTensor } from "./read/tensors.js";
import type { Relation } from "./read/ties.js";
import { type Field, replaceFields } from "./wire.js";

/** Bytes that replace those of a tensor outside the model. */
export interface ExternalChange {
  readonly at: ExternalData;
  readonly bytes: Uint8Array;
}

export interface WrittenModel {
  readonly bytes: Uint8Array;
  readonly external: readonly ExternalChange[];
}

/**
 * A model with new values of some of its floating-point tensors, stored as the old ones are. Every other byte stays the
 * same, and so do the bytes of values that are equal. The copies of a tensor that the file stores change with it, also
 * those that are transposed or 1 minus it.
 *
 * @param bytes the model; of one with data in other files, see `saveWeights` of `@softmax-bench/onnx/node`
 * @param weights new values by name; tensors that it lacks stay
 * @throws ModelError if the bytes are not a model that this package reads, or there is no such tensor of this type
 */
export const writeBack = (bytes: Uint8Array, weights: ReadonlyMap<string, Tensor>): Uint8Array =>
  writeWeights(bytes, weights).bytes;

/**
 * The same for a model with data in other files.
 * @param readExternal reads them; without it, such models are refused
 */
export function writeWeights(
  bytes: Uint8Array,
  weights: ReadonlyMap<string, Tensor>,
  readExternal?: ReadExternal,
): WrittenModel {
  const model = parseModel(bytes, readExternal);
  const changes = changesOf(model, weights);
  const external: ExternalChange[] = [];
  const inside: Inside = { initializers: new Map(), nodes: new Map() };
  for (const [name, tensor] of changes) {
    const stored = model.initializers.get(name);
    if (stored?.external) external.push({ at: stored.external, bytes: bytesOf(tensor) });
    else (stored?.isInNode ? inside.nodes : inside.initializers).set(name, tensor);
  }
  const isSame = inside.initializers.size + inside.nodes.size === 0;
  return { bytes: isSame ? bytes : replaceTensors(bytes, inside), external };
}

/** Tensors that are stored in the model itself: initialisers, and values of `Constant` nodes by the nodes' first outputs. */
interface Inside {
  readonly initializers: Map<string, Tensor>;
  readonly nodes: Map<string, Tensor>;
}

/** The files with data of a model, by the names that it gives them. */
export function externalLocations(bytes: Uint8Array): Set<string> {
  const { graph: whole } = fromBinary(ModelProtoSchema, bytes);
  const stored = [...(whole ? tensorsIn(whole) : [])].filter(
    ({ dataLocation }) => dataLocation === TensorProto_DataLocation.EXTERNAL,
  );
  const entries = stored.flatMap(({ externalData }) => externalData);
  return new Set(entries.filter(({ key }) => key === "location").map(({ value }) => value));
}

/** All tensors of a graph, and of the graphs in it. */
function* tensorsIn({ initializer, node: nodes }: GraphProto): Generator<TensorProto> {
  yield* initializer;
  for (const { t, tensors, g, graphs } of nodes.flatMap(({ attribute: attributes }) => attributes)) {
    yield* t ? [t, ...tensors] : tensors;
    for (const inner of g ? [g, ...graphs] : graphs) yield* tensorsIn(inner);
  }
}

/** The tensors whose values differ from the stored ones. */
function changesOf(model: Model, weights: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const wanted = new Map(weights);
  for (const [copy, { tie }] of model.choices) {
    const changed = tie && weights.get(tie.original);
    if (changed && !wanted.has(copy)) wanted.set(copy, COPIES[tie.relation](changed));
  }
  return new Map(
    [...wanted].filter(([name, tensor]) => !isEqual(tensor, requireStored(model, name, tensor).read())),
  );
}

function requireStored({ initializers }: Model, name: string, tensor: Tensor): StoredTensor {
  const stored = initializers.get(name);
  if (!stored) {
    const floats = [...initializers.values()].filter(isFloat).map((of) => quote(of.name));
    const more = floats.length > 12 ? ` and ${floats.length - 12} more` : "";
    throw new ModelError(
      `the model stores no tensor ${quote(name)}; it stores ${floats.slice(0, 12).join(", ") || "none"}${more}`,
    );
  }
  if (!isFloat(stored)) {
    throw new ModelError(
      `tensor ${quote(name)} is ${formatType(stored)}: only floating-point tensors can be written`,
    );
  }
  if (tensor.dtype !== stored.dtype || !sameShape(tensor.shape, stored.shape)) {
    throw new ModelError(
      `tensor ${quote(name)} is ${formatType(stored)} in the model, the new one is ${formatType(tensor)}`,
    );
  }
  if (tensor.data.length !== sizeOf(tensor.shape)) {
    throw new ModelError(
      `tensor ${quote(name)} is ${formatType(tensor)}, but its new data are ${tensor.data.length} numbers`,
    );
  }
  return stored;
}

function transposed({ dtype, shape, data }: Tensor): Tensor {
  const [rows = 0, columns = 0] = shape;
  const moved = data.slice();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      moved[column * rows + row] = data[row * columns + column] as never;
    }
  }
  return { dtype, shape: [columns, rows], data: moved };
}

const COPIES = {
  same: (original) => original,
  transpose: transposed,
  complement: complementOf,
} satisfies Record<Relation, (original: Tensor) => Tensor>;

const isEqual = (a: Tensor, b: Tensor): boolean =>
  a.data.every((value: number | bigint, index: number) => Object.is(value, b.data[index]));

/** The elements as raw data, little-endian. */
function bytesOf({ dtype, data }: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = isHalf(dtype) ? toHalfBits(dtype, data as Float32Array) : data;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

const { field: model } = ModelProtoSchema;
const { field: graph } = GraphProtoSchema;
const { field: node } = NodeProtoSchema;
const { field: attribute } = AttributeProtoSchema;
const { field: tensor } = TensorProtoSchema;

function replaceTensors(bytes: Uint8Array, weights: Inside): Uint8Array {
  return replaceFields(bytes, (field) =>
    field.number === model.graph.number ? replaceInGraph(messageIn(field), weights) : undefined,
  );
}

function replaceInGraph(bytes: Uint8Array, { initializers, nodes }: Inside): Uint8Array {
  return replaceFields(bytes, (field) => {
    if (field.number === graph.initializer.number) {
      const value = messageIn(field);
      const changed = initializers.get(textsIn(value, tensor.name.number).at(-1) ?? "");
      return changed && replaceElements(value, changed);
    }
    if (field.number !== graph.node.number) return undefined;
    const value = messageIn(field);
    if (textsIn(value, node.opType.number).at(-1) !== "Constant") return undefined;
    const changed = nodes.get(textsIn(value, node.output.number)[0] ?? "");
    return changed && replaceInConstant(value, changed);
  });
}

const replaceInConstant = (bytes: Uint8Array, changed: Tensor): Uint8Array =>
  replaceFields(bytes, (field) =>
    field.number === node.attribute.number
      ? replaceFields(messageIn(field), (inner) =>
          inner.number === attribute.t.number ? replaceElements(messageIn(inner), changed) : undefined,
        )
      : undefined,
  );

/** @throws ModelError if the field has another wire type, which the protobuf library reads as a message all the same */
function messageIn({ number, wireType, value }: Field): Uint8Array {
  if (wireType === WireType.LengthDelimited) return value;
  throw new ModelError(
    `the file is not a valid protobuf: field ${number} should be a message, but has wire type ${wireType}`,
  );
}

/** The strings of a message that have a field number. */
function textsIn(bytes: Uint8Array, number: number): string[] {
  const texts: string[] = [];
  replaceFields(bytes, (field) => {
    if (field.number === number) texts.push(new TextDecoder().decode(field.value));
    return undefined;
  });
  return texts;
}

/** Replaces raw data, or else each of the fields with numbers by as many of the new ones. */
function replaceElements(bytes: Uint8Array, changed: Tensor): Uint8Array {
  const raw = bytesOf(changed);
  let hasRaw = false;
  const replaced = replaceFields(bytes, ({ number, value }) => {
    if (number !== tensor.rawData.number || value.length === 0) return undefined;
    hasRaw = true;
    return raw;
  });
  if (hasRaw) return replaced;
  const [list, next] = isHalf(changed.dtype) ? smallIntegers(raw) : fixedSize(changed.dtype, raw);
  return replaceFields(bytes, (field) => (field.number === list ? next(field) : undefined));
}

/** The number of a tensor's field, and its next value each time that it occurs: a packed list, or a single number. */
type Elements = readonly [field: number, next: (field: Field) => Uint8Array];

function fixedSize(dtype: Tensor["dtype"], raw: Uint8Array): Elements {
  const take = inOrder(raw);
  const list = dtype === "float64" ? tensor.doubleData : tensor.floatData;
  return [list.number, ({ value }) => take(value.length)];
}

/** Half precision is stored as the integers of its bits. */
function smallIntegers(raw: Uint8Array): Elements {
  const take = inOrder(new Uint16Array(raw.buffer, raw.byteOffset, raw.length / 2));
  const next = ({ wireType, value }: Field) => {
    const writer = new BinaryWriter();
    const count = wireType === WireType.LengthDelimited ? countVarints(value) : 1;
    for (const element of take(count)) writer.uint32(element);
    return writer.finish();
  };
  return [tensor.int32Data.number, next];
}

/** Returns the next elements of an array each time that it is called. */
function inOrder<T extends Uint8Array | Uint16Array>(elements: T): (count: number) => T {
  let position = 0;
  return (count) => {
    const start = position;
    position += count;
    return elements.subarray(start, position) as T;
  };
}

function countVarints(bytes: Uint8Array): number {
  const reader = new BinaryReader(bytes);
  let count = 0;
  for (; reader.pos < reader.len; count++) reader.skip(WireType.Varint);
  return count;
}

import {
  allocate,
  type DType,
  fromHalfBits,
  isHalf,
  sizeOf,
  type Tensor,
  type TensorData,
  type TensorType,
} from "@softmax-bench/graph";
import { ONNX_DTYPE } from "../operators.js";
import { type TensorProto, TensorProto_DataLocation, TensorProto_DataType } from "../proto/onnx_pb.js";
import { ModelError, quote } from "./error.js";

/** The location of a tensor's data outside the model. */
export interface ExternalData {
  /** The file's path relative to the model's folder. */
  readonly location: string;
  readonly offset: number;
  /** The length in bytes. */
  readonly length: number;
}

/** Reads `length` bytes of data beside the model. @throws ModelError if they are missing or not allowed there. */
export type ReadExternal = (data: ExternalData) => Uint8Array;

/** A tensor of a model whose elements are read on demand. */
export interface StoredTensor extends TensorType {
  readonly name: string;
  /** True if it is in a `Constant` node. */
  readonly isInNode?: true;
  /** The location of its data, if outside the model. */
  readonly external?: ExternalData;
  read(): Tensor;
}

/** @throws ModelError if the dtype is not supported. */
export function toDType(elemType: number, of: string): DType {
  const readable = Object.keys(ONNX_DTYPE) as DType[];
  const found = readable.find((dtype) => ONNX_DTYPE[dtype] === elemType);
  if (found) return found;
  const given = TensorProto_DataType[elemType] ?? elemType;
  const known = readable.map((dtype) => TensorProto_DataType[ONNX_DTYPE[dtype]]);
  throw new ModelError(`${of} has elements of type ${given}; known are ${known.join(", ")}`);
}

/** A checked size. */
export function sizeFrom(value: bigint, of: string): number {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new ModelError(`${of} has a size of ${value}`);
  return Number(value);
}

/** @throws ModelError if the tensor does not match its type. */
export function storedTensor(proto: TensorProto, readExternal: ReadExternal): StoredTensor {
  const of = `tensor ${quote(proto.name)}`;
  const dtype = toDType(proto.dataType, of);
  const shape = proto.dims.map((dim) => sizeFrom(dim, of));
  const type = { dtype, shape };
  if (!Number.isSafeInteger(sizeOf(shape))) throw new ModelError(`${of} has a shape of [${shape}]`);
  if (proto.segment) throw new ModelError(`${of} is a segment of a tensor, which is not supported`);
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    const external = externalData(proto, type, of);
    // A budget limits allocations, because a file may claim any size.
    const read = () => filled(allocate(type), readExternal(external), type);
    return { name: proto.name, ...type, external, read };
  }
  const tensor = proto.rawData.length > 0 ? fromBytes(proto.rawData, type, of) : fromFields(proto, type, of);
  return { name: proto.name, ...type, read: () => tensor };
}

const BYTES = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int32: 4,
  int64: 8,
  bool: 1,
} satisfies Record<DType, number>;

function externalData(proto: TensorProto, { dtype, shape }: TensorType, of: string): ExternalData {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get("location");
  if (!location) throw new ModelError(`${of} is stored in another file, but the model does not say in which`);
  const needed = sizeOf(shape) * BYTES[dtype];
  const [offset, length] = [
    wholeNumber(entries.get("offset") ?? "0"),
    wholeNumber(entries.get("length") ?? `${needed}`),
  ];
  if (offset === undefined || length !== needed) {
    throw new ModelError(
      `${of} needs ${needed} bytes of ${quote(location)}, the model says ${entries.get("length")}`,
    );
  }
  return { location, offset, length };
}

const wholeNumber = (text: string): number | undefined =>
  /^\d{1,15}$/.test(text) ? Number(text) : undefined;

function fromBytes(bytes: Uint8Array, type: TensorType, of: string): Tensor {
  const { length } = bytes;
  const needed = sizeOf(type.shape) * BYTES[type.dtype];
  if (length !== needed) {
    throw new ModelError(`${of} is ${type.dtype}[${type.shape}], ${needed} bytes, but has ${length}`);
  }
  return filled(allocate(type), bytes, type);
}

/** ONNX stores raw data little-endian, as every platform of Node does. */
function filled(data: TensorData, bytes: Uint8Array, type: TensorType): Tensor {
  const { dtype } = type;
  if (isHalf(dtype))
    return { ...type, data: fromHalfBits(dtype, new Uint16Array(Uint8Array.from(bytes).buffer)) };
  new Uint8Array(data.buffer).set(bytes);
  return { ...type, data };
}

function fromFields(proto: TensorProto, type: TensorType, of: string): Tensor {
  const { dtype } = type;
  const fields = {
    float32: proto.floatData,
    float64: proto.doubleData,
    float16: proto.int32Data,
    bfloat16: proto.int32Data,
    int32: proto.int32Data,
    int64: proto.int64Data,
    bool: proto.int32Data,
  } satisfies Record<DType, readonly (number | bigint)[]>;
  const values: readonly (number | bigint)[] = fields[dtype];
  // Checked before anything of the size that the file claims is allocated.
  if (values.length !== sizeOf(type.shape)) {
    throw new ModelError(`${of} is ${type.dtype}[${type.shape}], but has ${values.length} elements`);
  }
  if (isHalf(dtype)) return { ...type, data: fromHalfBits(dtype, Uint16Array.from(values, Number)) };
  const data = allocate(type);
  for (const [index, value] of values.entries()) data[index] = dtype === "bool" ? Number(value !== 0) : value;
  return { ...type, data };
}

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Shape } from "@softmax-bench/graph";
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataType,
  type TensorProtoSchema,
} from "../src/proto/onnx_pb.js";

export type NodeInit = MessageInitShape<typeof NodeProtoSchema>;
export type TensorInit = MessageInitShape<typeof TensorProtoSchema>;
type AttributeInit = MessageInitShape<typeof AttributeProtoSchema>;

export const { FLOAT, FLOAT16, DOUBLE, INT64, BOOL } = TensorProto_DataType;

/** Numbers are whole; a floating-point number says that it is one. */
export function attribute(
  name: string,
  value: number | bigint | string | readonly (number | bigint)[] | { readonly float: number } | TensorInit,
): AttributeInit {
  const types = AttributeProto_AttributeType;
  if (typeof value === "number" || typeof value === "bigint")
    return { name, type: types.INT, i: BigInt(value) };
  if (typeof value === "string") return { name, type: types.STRING, s: new TextEncoder().encode(value) };
  if (Array.isArray(value)) return { name, type: types.INTS, ints: value.map(BigInt) };
  if ("float" in value) return { name, type: types.FLOAT, f: value.float };
  return { name, type: types.TENSOR, t: value as TensorInit };
}

export const floats = (name: string, dims: Shape, values: readonly number[]): TensorInit => ({
  name,
  dataType: FLOAT,
  dims: dims.map(BigInt),
  rawData: new Uint8Array(Float32Array.from(values).buffer),
});
export const ints = (
  name: string,
  values: readonly (number | bigint)[],
  dims: Shape = [values.length],
): TensorInit => ({
  name,
  dataType: INT64,
  dims: dims.map(BigInt),
  rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
});

export interface Parts {
  readonly nodes?: readonly NodeInit[];
  readonly tensors?: readonly TensorInit[];
  readonly opset?: number;
  /** Of input `x`; a name leaves a size open. */
  readonly shape?: readonly (number | string)[];
  readonly elemType?: number;
  readonly outputs?: readonly string[];
}

/** A model from `x` to `y`. */
export function modelOf({
  nodes = [],
  tensors = [],
  opset = 17,
  shape = [2, 3],
  elemType = FLOAT,
  outputs = ["y"],
}: Parts): Uint8Array {
  const dim = shape.map((size) =>
    typeof size === "string"
      ? { value: { case: "dimParam" as const, value: size } }
      : { value: { case: "dimValue" as const, value: BigInt(size) } },
  );
  const value = { case: "tensorType" as const, value: { elemType, shape: { dim } } };
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: "", version: BigInt(opset) }],
    graph: {
      name: "built",
      node: [...nodes],
      initializer: [...tensors],
      input: [{ name: "x", type: { value } }],
      output: outputs.map((name) => ({ name })),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

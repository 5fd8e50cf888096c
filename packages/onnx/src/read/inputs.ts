import type { DType } from "@softmax-bench/graph";
import type { ValueInfoProto } from "../proto/onnx_pb.js";
import { ModelError, quote } from "./error.js";
import { sizeFrom, toDType } from "./tensors.js";

/** An input of a model; an open size is a name. */
export interface ModelInput {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly (number | string)[];
}

/** @throws ModelError if the input is not a tensor of known rank. */
export function inputFrom({ name, type }: ValueInfoProto): ModelInput {
  const of = `input ${quote(name)}`;
  if (type?.value.case !== "tensorType") throw new ModelError(`${of} is not a tensor`);
  const { elemType, shape } = type.value.value;
  if (!shape) throw new ModelError(`${of} has no shape`);
  const sizes = shape.dim.map(({ value }, axis) => {
    if (value.case === "dimValue" && value.value > 0n) return sizeFrom(value.value, of);
    return value.case === "dimParam" && value.value !== "" ? value.value : `${name}.${axis}`;
  });
  return { name, dtype: toDType(elemType, of), shape: sizes };
}

import type { FloatArray, Inputs } from "@softmax-bench/core";
import { fromHalfBits, toHalfBits } from "@softmax-bench/graph";
import type * as common from "onnxruntime-common";
import type { ModelInput } from "./models.js";

/** The used part of `onnxruntime-node` or `onnxruntime-web`: an adapter passes the module that it loaded. */
export type Runtime = Pick<typeof common, "InferenceSession" | "Tensor">;

export type Session = common.InferenceSession;
export type SessionOptions = common.InferenceSession.SessionOptions;
export type Feeds = common.InferenceSession.FeedsType;
export type RuntimeTensor = common.Tensor;

type Outputs = common.InferenceSession.OnnxValueMapType;

/** @throws Error if there is no such output. */
export function findTensor(outputs: Outputs, name: string): RuntimeTensor {
  const value = outputs[name];
  if (value && "location" in value) return value;
  throw new Error(
    `ONNX Runtime returned no tensor "${name}"; it returned ${Object.keys(outputs).join(", ")}`,
  );
}

/** The data of a floating-point output on the host. @throws Error if it is anything else. */
export function readFloats(outputs: Outputs, name: string): FloatArray {
  const { data, type } = findTensor(outputs, name);
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  // A Float16Array where the host has it, else the bits.
  if (type === "float16" && ArrayBuffer.isView(data)) {
    return fromHalfBits("float16", new Uint16Array(data.buffer, data.byteOffset, data.length));
  }
  throw new Error(`ONNX Runtime returned ${type} as "${name}" where a float tensor was expected`);
}

/**
 * One of a task's inputs as a tensor: on the host's own array if the model takes its type, else converted.
 * @throws Error if the task has no such input.
 */
export function inputTensor(
  { Tensor }: Pick<Runtime, "Tensor">,
  { name, dtype, shape }: ModelInput,
  inputs: Inputs,
): common.Tensor {
  const values = inputs[name];
  if (!values) throw new Error(`the task needs ${name}`);
  if (dtype === "int64") return new Tensor("int64", BigInt64Array.from(values, BigInt), shape);
  if (dtype === "float16") return new Tensor("float16", toHalfBits(dtype, values as Float32Array), shape);
  if (dtype === "bfloat16") throw new Error("ONNX Runtime has no tensors of bfloat16 in JavaScript");
  return new Tensor(dtype, values, shape);
}

/** Selects the feeds that a model takes. */
export function pick(feeds: Feeds, wanted: readonly ModelInput[]): Feeds {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => wanted.some((of) => of.name === name)));
}

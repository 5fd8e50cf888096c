import type { FloatArray } from "@softmax-bench/core";
import type * as common from "onnxruntime-common";

/** What is used of `onnxruntime-node` or `onnxruntime-web`: an adapter hands in the module that it loaded. */
export type Runtime = Pick<typeof common, "InferenceSession" | "Tensor">;

export type Session = common.InferenceSession;
export type SessionOptions = common.InferenceSession.SessionOptions;
export type Feeds = common.InferenceSession.FeedsType;
export type RuntimeTensor = common.Tensor;

type Outputs = common.InferenceSession.OnnxValueMapType;

/** @throws Error if there is no such output. */
export function tensorOf(outputs: Outputs, name: string): RuntimeTensor {
  const value = outputs[name];
  if (value && "location" in value) return value;
  throw new Error(
    `ONNX Runtime returned no tensor "${name}"; it returned ${Object.keys(outputs).join(", ")}`,
  );
}

/** Data of a floating-point output on the host. @throws Error if it is anything else. */
export function floatsOf(outputs: Outputs, name: string): FloatArray {
  const { data, type } = tensorOf(outputs, name);
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  throw new Error(`ONNX Runtime returned ${type} as "${name}" where a float tensor was expected`);
}

export const scalarOf = (outputs: Outputs, name: string): number => Number(floatsOf(outputs, name)[0]);

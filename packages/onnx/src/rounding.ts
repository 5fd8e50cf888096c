import { type DType, roundToHalf } from "@softmax-bench/graph";

/** Rounds numbers to a type that is narrower than JavaScript's; a type that is missing holds them as they are. */
export const ROUNDING: Partial<Readonly<Record<DType, (value: number) => number>>> = {
  float32: Math.fround,
  float16: (value) => roundToHalf("float16", value),
  bfloat16: (value) => roundToHalf("bfloat16", value),
};

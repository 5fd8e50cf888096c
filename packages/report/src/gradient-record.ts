import type { Accuracy, CellStatus, FloatArray, Steadiness } from "@softmax-bench/core";

/** One method's gradient of a user's arrays on one backend, or the reason why there is none. */
export type GradientRecord =
  | {
      readonly backend: string;
      readonly method: string;
      readonly status: "ok";
      readonly note: string | undefined;
      /** The loss: one entry, or one per row. */
      readonly loss: FloatArray;
      readonly gradient?: FloatArray;
      readonly lossRelError: number;
      readonly gradientError: Accuracy["gradient"];
      /** Median times of loss and gradient, left on the device, in nanoseconds; one for each process. */
      readonly mediansNs: readonly number[];
      /** Tells if the times of all those processes had stopped changing. */
      readonly steadiness: Steadiness;
      /** True if it can be best: neither a reference nor on a GPU in software. */
      readonly isContender: boolean;
    }
  | {
      readonly backend: string;
      readonly method: string;
      readonly status: Exclude<CellStatus, "ok">;
      readonly reason: string;
    };

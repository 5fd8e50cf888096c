import type { FloatDType } from "@softmax-bench/graph";
import type { Inputs } from "../backend.js";
import { DTYPES, floatArray, setRounded } from "../dtypes.js";
import { normalSource, uniformSource } from "../workloads/random.js";
import type { Sweep } from "./sweep.js";

/** Rows and classes if neither varies: a batch of CIFAR-10's head. */
const ROWS = 256;
export const CLASSES = 10;

/** Turns a row of standard normal logits into the row at a point. `label` is the row's class. */
type Shape = (logits: Float64Array, label: number, point: number) => void;

interface Description {
  readonly id: string;
  readonly summary: string;
  readonly axis: string;
  readonly points: readonly number[] | Readonly<Record<FloatDType, readonly number[]>>;
  readonly shape?: Sweep["shape"];
  readonly row: Shape;
  /** The gradient of a later quantity with respect to each row's loss; absent for the mean over rows. */
  readonly upstream?: (point: number) => number;
}

/** Creates a sweep from its specific parts. */
export function createSweep({
  id,
  summary,
  axis,
  points,
  shape = () => ({ rows: ROWS, classes: CLASSES }),
  row,
  upstream,
}: Description): Sweep {
  return {
    id,
    summary,
    axis,
    shape,
    ...(upstream ? { loss: { reduction: "none" } } : {}),
    points: (dtype) => ("float32" in points ? points[dtype] : points),
    inputs: (point, dtype, seed) => {
      const { rows, classes } = shape(point);
      const inputs = generate({ id, rows, classes, dtype, seed }, (logits, label) =>
        row(logits, label, point),
      );
      if (!upstream) return inputs;
      return { ...inputs, upstream: floatArray(dtype, rows).fill(DTYPES[dtype].round(upstream(point))) };
    },
  };
}

interface Generated {
  readonly id: string;
  readonly rows: number;
  readonly classes: number;
  readonly dtype: FloatDType;
  readonly seed: number;
}

function generate(
  { id, rows, classes, dtype, seed }: Generated,
  change: (logits: Float64Array, label: number) => void,
): Inputs {
  const normal = normalSource(`sweep/${id}/logits`, seed);
  const uniform = uniformSource(`sweep/${id}/labels`, seed);
  const labels = Int32Array.from({ length: rows }, () => Math.floor(uniform() * classes));
  const logits = floatArray(dtype, rows * classes);
  for (const [row, label] of labels.entries()) {
    const values = Float64Array.from({ length: classes }, normal);
    change(values, label);
    setRounded(dtype, logits, values, row * classes);
  }
  return { logits, labels };
}

import type { Curve, GradientResult, Inputs, Sweep } from "@softmax-bench/core";
import { floatArray } from "@softmax-bench/core";
import { inputArrays } from "@softmax-bench/measure";
import { assessGradient, assessLoss, oracle, type Reference } from "@softmax-bench/numerics";
import type { PlannedCurve } from "../../plan/plan.js";
import type { BackendSession } from "../../session/backend-session.js";
import { conclude } from "../../session/outcome.js";
import { messageOf } from "../../terminal/errors.js";

/** Neighbouring points of one shape: one task, with a set of inputs for each. */
interface Stretch {
  readonly id: string;
  readonly rows: number;
  readonly classes: number;
  readonly points: readonly {
    readonly x: number;
    readonly inputs: Inputs;
    readonly reference: Reference;
  }[];
}

/** Draws error curves: computes a method at every point of a sweep and compares it with the oracle. */
export class CurveTracer {
  readonly #seed: number;
  /** Kept for the next method and backend: a few hundred thousand entries a sweep. */
  readonly #stretches = new Map<string, readonly Stretch[]>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  async trace({ backend, method, dtype, sweep }: PlannedCurve, session: BackendSession): Promise<Curve> {
    const curve = { backend, method, dtype, sweep: sweep.id };
    const points: Curve["points"] = [];
    let note: string | undefined;
    for (const stretch of this.#stretchesOf(sweep, dtype)) {
      const { rows, classes } = stretch;
      const inputs = {
        id: stretch.id,
        make: () => stretch.points.flatMap((point) => inputArrays(point.inputs)),
      };
      const task = { method, dtype, rows, classes };
      const sets = stretch.points.length;
      const concluded = conclude(
        backend,
        await session.run({ type: "run", ...task, inputs: inputs.id, sets }, inputs),
        "computed",
      );
      if (concluded.status !== "ok") return { ...curve, ...concluded, points: [] };
      note = concluded.reply.note;
      try {
        points.push(...this.#assess(stretch, dtype, session));
      } catch (error) {
        return { ...curve, status: "failed", reason: messageOf(error), points: [] };
      }
    }
    return { ...curve, status: "ok", ...(note ? { note } : {}), points };
  }

  #assess(
    { rows, classes, points }: Stretch,
    dtype: PlannedCurve["dtype"],
    session: BackendSession,
  ): Curve["points"] {
    const results: GradientResult[] = points.map(() => ({
      loss: floatArray(dtype, 1),
      gradient: floatArray(dtype, rows * classes),
    }));
    session.readResults(results.flatMap(({ loss, gradient }) => [loss, gradient]));
    return points.map(({ x, reference }, index) => {
      const { loss, gradient } = results[index] as GradientResult;
      return { x, lossRelError: assessLoss(loss, reference), ...assessGradient(gradient, reference) };
    });
  }

  #stretchesOf(sweep: Sweep, dtype: PlannedCurve["dtype"]): readonly Stretch[] {
    const key = `${sweep.id} ${dtype}`;
    const known = this.#stretches.get(key);
    if (known) return known;
    const stretches: { -readonly [K in keyof Stretch]: Stretch[K] }[] = [];
    for (const x of sweep.points(dtype)) {
      const { rows, classes } = sweep.shape(x);
      const inputs = sweep.inputs(x, dtype, this.#seed);
      const point = { x, inputs, reference: oracle({ rows, classes, ...inputs }) };
      const last = stretches.at(-1);
      if (last?.rows === rows && last.classes === classes) last.points = [...last.points, point];
      else stretches.push({ id: `${key} ${x}`, rows, classes, points: [point] });
    }
    this.#stretches.set(key, stretches);
    return stretches;
  }
}

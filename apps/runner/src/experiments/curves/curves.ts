import {
  type Curve,
  floatArray,
  type GradientResult,
  type Inputs,
  messageOf,
  plural,
  type Results,
  SWEEP_ULP_LIMIT,
  SWEEPS,
  type Sweep,
} from "@softmax-bench/core";
import { inputArrays, lossLength } from "@softmax-bench/measure";
import { assessGradient, assessLoss, oracle, type Reference } from "@softmax-bench/numerics";
import { formatCount } from "@softmax-bench/report";
import { curveKey, type Plan, type PlannedCurve } from "../../plan/plan.js";
import type { BackendSession } from "../../session/backend-session.js";
import { toTaskOutcome } from "../../session/outcome.js";
import type { Experiment } from "../experiment.js";

/** Neighbouring points of one shape: one task, with a set of inputs for each. */
interface SweepSegment {
  readonly id: string;
  readonly rows: number;
  readonly classes: number;
  readonly loss: Sweep["loss"];
  readonly points: readonly {
    readonly x: number;
    readonly inputs: Inputs;
    readonly reference: Reference;
  }[];
}

/** Error curves: a method computed at every point of a sweep, and compared with the oracle. */
export class CurveExperiment implements Experiment<PlannedCurve, Curve> {
  readonly type = "curve";
  readonly unit = "curves";
  readonly #seed: number;
  readonly #sweeps: readonly string[];
  /** Kept for the next method and backend: a few hundred thousand entries a sweep. */
  readonly #segments = new Map<string, readonly SweepSegment[]>();

  /** @param sweeps ids of the sweeps of the run */
  constructor(seed: number, sweeps: readonly string[]) {
    this.#seed = seed;
    this.#sweeps = sweeps;
  }

  plannedWork({ curves }: Plan): readonly PlannedCurve[] {
    return curves;
  }

  key({ sweep, ...curve }: PlannedCurve): string {
    return curveKey({ ...curve, sweep: sweep.id });
  }

  label(curve: PlannedCurve): string {
    return this.key(curve);
  }

  weight(): number {
    return 1;
  }

  describe({ points }: Curve): string {
    const maxUlp = Math.max(...points.map((point) => point.maxUlp));
    return `${plural(points.length, "point")}, max ULP ${formatCount(maxUlp)}`;
  }

  section(curves: readonly Curve[]): Partial<Results> {
    const sweeps = SWEEPS.filter(({ id }) => this.#sweeps.includes(id));
    return {
      precision: {
        ulpLimit: SWEEP_ULP_LIMIT,
        sweeps: sweeps.map(({ id, summary, axis }) => ({ id, summary, axis })),
        curves: [...curves],
      },
    };
  }

  async run({ backend, host, method, dtype, sweep }: PlannedCurve, session: BackendSession): Promise<Curve> {
    const curve = { backend, host, method, dtype, sweep: sweep.id };
    const points: Curve["points"] = [];
    let note: string | undefined;
    for (const segment of this.#ensureSegments(sweep, dtype)) {
      const { rows, classes, loss } = segment;
      const inputs = {
        id: segment.id,
        make: () => segment.points.flatMap((point) => inputArrays(point.inputs)),
      };
      const task = { method, dtype, rows, classes, loss };
      const sets = segment.points.length;
      const answer = toTaskOutcome(
        session.place,
        await session.run({ type: "run", ...task, inputs: inputs.id, sets }, inputs),
        "computed",
      );
      if (answer.status !== "ok") return { ...curve, ...answer, points: [] };
      note = answer.reply.note;
      try {
        points.push(...this.#assess(segment, dtype, session));
      } catch (error) {
        return { ...curve, status: "failed", reason: messageOf(error), points: [] };
      }
    }
    return { ...curve, status: "ok", ...(note ? { note } : {}), points };
  }

  #assess(
    { rows, classes, loss: options, points }: SweepSegment,
    dtype: PlannedCurve["dtype"],
    session: BackendSession,
  ): Curve["points"] {
    const results: GradientResult[] = points.map(() => ({
      loss: floatArray(dtype, lossLength({ rows, loss: options })),
      gradient: floatArray(dtype, rows * classes),
    }));
    session.readResults(results.flatMap(({ loss, gradient }) => [loss, gradient]));
    return points.map(({ x, reference }, index) => {
      const { loss, gradient } = results[index] as GradientResult;
      return { x, lossRelError: assessLoss(loss, reference), ...assessGradient(gradient, reference, dtype) };
    });
  }

  #ensureSegments(sweep: Sweep, dtype: PlannedCurve["dtype"]): readonly SweepSegment[] {
    const key = `${sweep.id} ${dtype}`;
    const known = this.#segments.get(key);
    if (known) return known;
    const segments: { -readonly [K in keyof SweepSegment]: SweepSegment[K] }[] = [];
    for (const x of sweep.points(dtype)) {
      const { rows, classes } = sweep.shape(x);
      const inputs = sweep.inputs(x, dtype, this.#seed);
      const point = { x, inputs, reference: oracle({ rows, classes, ...inputs, ...sweep.loss }) };
      const last = segments.at(-1);
      if (last?.rows === rows && last.classes === classes) last.points = [...last.points, point];
      else segments.push({ id: `${key} ${x}`, rows, classes, loss: sweep.loss, points: [point] });
    }
    this.#segments.set(key, segments);
    return segments;
  }
}

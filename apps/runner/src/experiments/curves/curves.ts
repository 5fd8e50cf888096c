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
import { inputArrays, lossLength, sha256 } from "@softmax-bench/measure";
import { assessGradient, assessLoss, oracle, type Reference } from "@softmax-bench/numerics";
import { formatCount } from "@softmax-bench/report";
import { curveKey, type Plan, type PlannedCurve } from "../../plan/plan.js";
import { PROFILES } from "../../plan/profiles.js";
import type { Header } from "../../results/journal/entries.js";
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
    /** Computed when it is first needed. */
    readonly reference: () => Reference;
  }[];
}

/** Error curves: a method computed at every point of a sweep, and compared with the oracle. */
export class CurveExperiment implements Experiment<PlannedCurve, Curve> {
  readonly type = "curve";
  readonly unit = "curves";
  readonly #seed: number;
  readonly #sweeps: readonly string[];
  readonly #digestsOnly: boolean;
  /** Kept for the next method and backend: a few hundred thousand entries a sweep. */
  readonly #segments = new Map<string, readonly SweepSegment[]>();

  constructor({ seed, sweeps = [], profile }: Pick<Header, "seed" | "sweeps" | "profile">) {
    this.#seed = seed;
    this.#sweeps = sweeps;
    this.#digestsOnly = PROFILES[profile].digestsOnly ?? false;
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
    if (points.length === 0) return "digest taken";
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
    const digests: string[] = [];
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
        await session.run(
          { type: "run", ...task, inputs: inputs.id, sets, digestOnly: this.#digestsOnly },
          inputs,
        ),
        "computed",
      );
      if (answer.status !== "ok") return { ...curve, ...answer, points: [] };
      note = answer.reply.note;
      const { gradientDigests } = answer.reply;
      if (gradientDigests) {
        digests.push(...gradientDigests);
        continue;
      }
      try {
        const results = readResults(segment, dtype, session);
        for (const { gradient } of results) digests.push(await sha256(gradient));
        if (!this.#digestsOnly) points.push(...assess(segment, dtype, results));
      } catch (error) {
        return { ...curve, status: "failed", reason: messageOf(error), points: [] };
      }
    }
    const gradientDigest = await sha256(digests.join());
    return { ...curve, status: "ok", ...(note ? { note } : {}), gradientDigest, points };
  }

  #ensureSegments(sweep: Sweep, dtype: PlannedCurve["dtype"]): readonly SweepSegment[] {
    const key = `${sweep.id} ${dtype}`;
    const known = this.#segments.get(key);
    if (known) return known;
    const segments: { -readonly [K in keyof SweepSegment]: SweepSegment[K] }[] = [];
    for (const x of sweep.points(dtype)) {
      const { rows, classes } = sweep.shape(x);
      const inputs = sweep.inputs(x, dtype, this.#seed);
      const reference = once(() => oracle({ rows, classes, ...inputs, ...sweep.loss }));
      const point = { x, inputs, reference };
      const last = segments.at(-1);
      if (last?.rows === rows && last.classes === classes) last.points = [...last.points, point];
      else segments.push({ id: `${key} ${x}`, rows, classes, loss: sweep.loss, points: [point] });
    }
    this.#segments.set(key, segments);
    return segments;
  }
}

/** The gradients at all points of a segment, which a worker has just computed. @throws Error if it left other arrays */
function readResults(
  { rows, classes, loss: options, points }: SweepSegment,
  dtype: PlannedCurve["dtype"],
  session: BackendSession,
): GradientResult[] {
  const results = points.map(() => ({
    loss: floatArray(dtype, lossLength({ rows, loss: options })),
    gradient: floatArray(dtype, rows * classes),
  }));
  session.readResults(results.flatMap(({ loss, gradient }) => [loss, gradient]));
  return results;
}

const assess = (
  { points }: SweepSegment,
  dtype: PlannedCurve["dtype"],
  results: readonly GradientResult[],
): Curve["points"] =>
  points.map(({ x, reference }, index) => {
    const { loss, gradient } = results[index] as GradientResult;
    const exact = reference();
    return { x, lossRelError: assessLoss(loss, exact), ...assessGradient(gradient, exact, dtype) };
  });

function once<T>(compute: () => T): () => T {
  let computed: { readonly value: T } | undefined;
  return () => {
    computed ??= { value: compute() };
    return computed.value;
  };
}

import type { Curve, Precision, Results } from "@softmax-bench/core";
import { DTYPE_IDS, DTYPES } from "@softmax-bench/core";
import { median } from "@softmax-bench/stats";
import { formatCount } from "./format.js";

/** The range of a sweep over which one method is accurate on one backend. */
export interface Reach {
  readonly sweep: string;
  readonly axis: string;
  readonly dtype: Curve["dtype"];
  readonly method: string;
  readonly backend: string;
  /** The value nearest to 0 at which its error exceeds the limit; undefined if it never does. */
  readonly leavesAt: number | undefined;
  /** The error at that value, in ULP. */
  readonly ulpThere: number;
  /** The value nearest to 0 at which the gradient or the loss is not finite. */
  readonly nonFiniteAt: number | undefined;
  /** The value furthest from 0 that was measured. */
  readonly upTo: number;
  /** Largest such error along the sweep, in ULP. */
  readonly worstUlp: number;
  /** Largest error of any entry along the sweep, in ULP. */
  readonly largestUlp: number;
}

interface Finding {
  readonly dtype: Curve["dtype"];
  readonly heading: string;
  readonly sentences: readonly string[];
}

/** "Which formulation?", answered from the curves. */
export interface PrecisionView {
  readonly ulpLimit: number;
  /** Findings that hold over all sweeps of a dtype, then those of each sweep. */
  readonly findings: readonly Finding[];
  readonly reaches: readonly Reach[];
  /** Curves without a result. */
  readonly absent: readonly Curve[];
}

export function precisionView({ precision }: Pick<Results, "precision">): PrecisionView | undefined {
  if (!precision || precision.curves.length === 0) return undefined;
  const { ulpLimit, sweeps, curves } = precision;
  const reaches = curves.flatMap((curve) => computeReach(curve, precision));
  const findings = DTYPE_IDS.flatMap((dtype) => {
    const ofDtype = reaches.filter((reach) => reach.dtype === dtype);
    if (ofDtype.length === 0) return [];
    const bySweep = sweeps.flatMap(({ id, summary, axis }) => {
      const own = ofDtype.filter(({ sweep }) => sweep === id);
      if (own.length === 0) return [];
      const sums = id === ACCUMULATION && DTYPES[dtype].bytes === 2 ? accumulatorsOn(own, dtype) : [];
      const sentences = [...sentencesOn(own, axis, ulpLimit), ...sums];
      return [{ dtype, heading: `${dtype}, ${id}: ${summary}`, sentences }];
    });
    return [
      { dtype, heading: `${dtype}, over all sweeps`, sentences: conclusionsOn(ofDtype, ulpLimit) },
      ...bySweep,
    ];
  });
  return { ulpLimit, findings, reaches, absent: curves.filter((curve) => !hasPoints(curve)) };
}

const hasPoints = ({ status, points }: Curve): boolean => status === "ok" && points.length > 0;

/** The error of 99 of 100 entries, in ULP. One that is undefined exceeds every limit. */
const errorOf = ({ p99Ulp }: Curve["points"][number]): number =>
  Number.isNaN(p99Ulp) ? Number.POSITIVE_INFINITY : p99Ulp;

function computeReach(curve: Curve, { sweeps, ulpLimit }: Precision): Reach[] {
  if (!hasPoints(curve)) return [];
  const { sweep, dtype, method, backend } = curve;
  const outwards = curve.points.toSorted((a, b) => Math.abs(a.x) - Math.abs(b.x) || a.x - b.x);
  const first = outwards.find((point) => errorOf(point) > ulpLimit);
  const notFinite = outwards.find(
    ({ nonFinite, lossRelError }) => nonFinite > 0 || lossRelError === Number.POSITIVE_INFINITY,
  );
  return [
    {
      sweep,
      dtype,
      method,
      backend,
      axis: sweeps.find(({ id }) => id === sweep)?.axis ?? "x",
      leavesAt: first?.x,
      ulpThere: first ? errorOf(first) : 0,
      nonFiniteAt: notFinite?.x,
      upTo: outwards.at(-1)?.x ?? 0,
      worstUlp: Math.max(...outwards.map(errorOf)),
      largestUlp: Math.max(...outwards.map(({ maxUlp }) => maxUlp)),
    },
  ];
}

/** The sweep along which a sum in the dtype itself stops growing. */
const ACCUMULATION = "accumulation";

/**
 * The most that storage in the dtype costs an entry there, in ULP: one for each of at most sixteen operations. A sum that lacks a quarter of its
 * terms makes entries a third larger: by 43 ULP in bfloat16, and by 21 in float16, where those of 262,144 classes are subnormal.
 */
const STORAGE_ULP = 16;

/** Names the backends that accumulate in the dtype. Curves with entries that are not finite are left out: those overflowed. */
function accumulatorsOn(reaches: readonly Reach[], dtype: Curve["dtype"]): string[] {
  const finite = reaches.filter(({ nonFiniteAt }) => nonFiniteAt === undefined);
  if (finite.length === 0) return [];
  const losing = byBackend(finite).flatMap(({ backend, reaches: own }) => {
    const methods = own.filter(({ worstUlp }) => worstUlp > STORAGE_ULP);
    const worst = Math.max(...methods.map(({ worstUlp }) => worstUlp));
    if (methods.length === 0) return [];
    return [
      `${backend} (${enumerate(methods.map(({ method }) => method))}, up to ${formatCount(worst)} ULP)`,
    ];
  });
  const permitted = `the ${STORAGE_ULP} ULP that storage in ${dtype} may cost`;
  return [
    losing.length === 0
      ? `No backend accumulates in ${dtype}: where all entries are finite, they are within ${permitted}.`
      : `Accumulation in ${dtype}, beyond ${permitted}: ${enumerate(losing)}.`,
  ];
}

function byBackend(reaches: readonly Reach[]): { backend: string; reaches: Reach[] }[] {
  const backends = [...new Set(reaches.map(({ backend }) => backend))];
  return backends.map((backend) => ({
    backend,
    reaches: reaches.filter((reach) => reach.backend === backend),
  }));
}

/** A method on all backends that ran it. */
interface Group {
  readonly method: string;
  readonly reaches: readonly Reach[];
}

function byMethod(reaches: readonly Reach[]): Group[] {
  const methods = [...new Set(reaches.map(({ method }) => method))];
  return methods.map((method) => ({ method, reaches: reaches.filter((reach) => reach.method === method) }));
}

function sentencesOn(reaches: readonly Reach[], axis: string, ulpLimit: number): string[] {
  const groups = byMethod(reaches);
  const left = gather(groups, ({ leavesAt }) => leavesAt).map(({ x, methods, where }) => {
    if (x === undefined) {
      return `${enumerate(methods)} ${agreeing(methods, "stays", "stay")} within ${ulpLimit} ULP all along${where}.`;
    }
    const there = reaches.filter(({ method, leavesAt }) => methods.includes(method) && leavesAt === x);
    const size = sizes(
      Math.max(...there.map(({ ulpThere }) => ulpThere)),
      Math.max(...there.map(({ worstUlp }) => worstUlp)),
    );
    return `${enumerate(methods)} ${agreeing(methods, "leaves", "leave")} ${ulpLimit} ULP at ${axis} ${formatX(x)}${where} (${size}).`;
  });
  const staying = groups.some((group) => commonest(group, ({ leavesAt }) => leavesAt).value === undefined);
  const turned = gather(groups, ({ nonFiniteAt }) => nonFiniteAt).flatMap(({ x, methods, where }) =>
    x === undefined
      ? []
      : [
          `${enumerate(methods)} ${agreeing(methods, "turns", "turn")} non-finite at ${axis} ${formatX(x)}${where}.`,
        ],
  );
  return [
    ...(staying ? [] : [`No method stays within ${ulpLimit} ULP all along. ${leastOff(groups)}`]),
    ...left,
    ...turned,
  ];
}

/** The methods with the smallest worst error, by the median over backends. */
function leastOff(groups: readonly Group[]): string {
  const worst = groups.map(({ method, reaches }) => ({ method, ulp: median(worstByBackend(reaches)) }));
  const least = Math.min(...worst.map(({ ulp }) => ulp));
  const methods = worst.filter(({ ulp }) => ulp === least).map(({ method }) => method);
  const size = Number.isFinite(least) ? `${formatCount(least)} ULP` : "not finite";
  return `At its worst, ${enumerate(methods)} ${agreeing(methods, "is", "are")} least off: ${size} (median over backends).`;
}

function worstByBackend(reaches: readonly Reach[]): number[] {
  const worst = new Map<string, number>();
  for (const { backend, worstUlp } of reaches) {
    worst.set(backend, Math.max(worst.get(backend) ?? 0, worstUlp));
  }
  return [...worst.values()];
}

/** "up to 5 ULP there, 460,000 at worst". */
function sizes(there: number, worst: number): string {
  if (!Number.isFinite(there)) return "not finite";
  const further =
    worst > there ? `, ${Number.isFinite(worst) ? formatCount(worst) : "not finite"} at worst` : "";
  return `up to ${formatCount(there)} ULP${further ? " there" : ""}${further}`;
}

interface Gathered {
  readonly x: number | undefined;
  readonly methods: readonly string[];
  /** The number of backends, in words. */
  readonly where: string;
}

/** Groups methods by the commonest value among their backends; those without one first, then nearest to 0 first. */
function gather(groups: readonly Group[], of: (reach: Reach) => number | undefined): Gathered[] {
  const gathered = new Map<number | undefined, { methods: string[]; counts: number[]; backends: number }>();
  for (const group of groups) {
    const { value, count } = commonest(group, of);
    const known = gathered.get(value) ?? { methods: [], counts: [], backends: 0 };
    gathered.set(value, {
      methods: [...known.methods, group.method],
      counts: [...known.counts, count],
      backends: Math.max(known.backends, group.reaches.length),
    });
  }
  const distance = (x: number | undefined) => (x === undefined ? -1 : Math.abs(x));
  return [...gathered]
    .sort(([a], [b]) => distance(a) - distance(b))
    .map(([x, { methods, counts, backends }]) => ({
      x,
      methods,
      where: describeBackendCount(counts, backends),
    }));
}

/** " on all 7 backends", " on 3 to 5 of 7 backends", or nothing if there is only one. */
function describeBackendCount(counts: readonly number[], backends: number): string {
  if (backends === 1) return "";
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  if (fewest === backends) return ` on all ${backends} backends`;
  return ` on ${fewest === most ? fewest : `${fewest} to ${most}`} of ${backends} backends`;
}

function commonest(
  { reaches }: Group,
  of: (reach: Reach) => number | undefined,
): { readonly value: number | undefined; readonly count: number } {
  const counts = new Map<number | undefined, number>();
  for (const reach of reaches) counts.set(of(reach), (counts.get(of(reach)) ?? 0) + 1);
  const [[value, count] = [undefined, 0]] = [...counts].sort(([, a], [, b]) => b - a);
  return { value, count };
}

/** Conclusions that hold over all sweeps of a dtype. */
function conclusionsOn(reaches: readonly Reach[], ulpLimit: number): string[] {
  const scores = byMethod(reaches).map(({ method, reaches: own }) => ({
    method,
    share: own.filter(({ leavesAt }) => leavesAt === undefined).length / own.length,
    finite: own.every(({ nonFiniteAt }) => nonFiniteAt === undefined),
    neverFinite: own.filter(({ nonFiniteAt }) => nonFiniteAt !== undefined).length,
  }));
  const percent = (share: number) => `${Math.round(100 * share)} %`;
  const ranked = scores.toSorted((a, b) => b.share - a.share);
  const best = ranked.filter(({ share }) => share === ranked[0]?.share);
  const worst = ranked.at(-1);
  const finite = scores.filter((score) => score.finite).map(({ method }) => method);
  const least = scores.toSorted((a, b) => b.neverFinite - a.neverFinite)[0];
  const first = `${enumerate(best.map(({ method }) => method))} can be trusted furthest: within ${ulpLimit} ULP all along in ${percent(best[0]?.share ?? 0)} of the sweeps on the backends that ran them`;
  const rest =
    worst && worst.share < (best[0]?.share ?? 0)
      ? `; least, ${worst.method}, in ${percent(worst.share)}`
      : "";
  return [
    `${first}${rest}.`,
    leastOff(byMethod(reaches)),
    finite.length
      ? `${enumerate(finite)} ${agreeing(finite, "keeps", "keep")} loss and gradient finite in every sweep on every backend.`
      : `No method keeps loss and gradient finite in every sweep on every backend; ${least?.method ?? "none"} loses them most often.`,
  ];
}

const agreeing = (items: readonly unknown[], one: string, many: string): string =>
  items.length === 1 ? one : many;

/** `a, b and c`. */
const enumerate = (names: readonly string[]): string =>
  [names.slice(0, -1).join(", "), names.at(-1)].filter(Boolean).join(" and ");

/** Formats a value on an axis for readers: `1,000`, `-1e6`, `0.001`. */
export const formatX = (x: number): string =>
  Math.abs(x) >= 1e6 || (x !== 0 && Math.abs(x) < 1e-3)
    ? x.toExponential().replace("e+", "e")
    : x.toLocaleString("en-US", { maximumFractionDigits: 6 });

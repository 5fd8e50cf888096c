import { dependents, type Node, topologicalOrder, type Value } from "./graph.js";
import { sizeOf, type TensorType } from "./tensor.js";

export interface CheckpointChoice {
  readonly result: Value;
  /** Gradients of the result, without checkpoints, with respect to each of `wrt`. */
  readonly gradients: readonly Value[];
  readonly wrt: readonly Value[];
  /** Inputs whose values change from step to step. */
  readonly inputs: readonly Value[];
  readonly candidates: Iterable<Value>;
}

/** Limits of a segment that are tried, each the larger one divided by √2: down to a millionth of all. */
const LIMITS = 40;

/**
 * Chooses checkpoints for `differentiate` among values on which every later one depends, such that the estimated memory is
 * least: that of all kept values, plus what the backward pass reads of the segment with most of it. For n equal layers,
 * these are about √n. None if that saves nothing.
 */
export function chooseCheckpoints(choice: CheckpointChoice): Value[] {
  const path = pathTo(choice);
  const cuts = cutsOf(path, new Set(choice.candidates));
  const steps = stepsBetween(path, cuts);
  const whole = steps.at(-1)?.[0]?.saved ?? 0;
  let best: Plan = { cuts: [], kept: 0 };
  let least = whole;
  for (let limit = whole, tried = 0; tried < LIMITS; limit /= Math.SQRT2, tried++) {
    const plan = cheapestPlan(steps, limit);
    if (!plan) break;
    if (plan.kept + limit < least) {
      least = plan.kept + limit;
      best = plan;
    }
  }
  return best.cuts.map((at) => (cuts[at] as Cut).value);
}

/** A node between inputs and result through which gradients flow. */
interface Place {
  readonly node: Node;
  /** The outputs that are read on the path. */
  readonly values: readonly PlacedValue[];
  /** The last place whose value it reads; −1 if none. */
  readonly reads: number;
}

interface PlacedValue {
  readonly bytes: number;
  /** The last place that reads it. */
  readonly lastRead: number;
  /** True if the backward pass reads it. */
  readonly isSaved: boolean;
}

function pathTo({ result, gradients, wrt, inputs }: CheckpointChoice): Place[] {
  const forward = topologicalOrder([result]);
  const [varying, trained] = [dependents(forward, inputs), dependents(forward, wrt)];
  const path = forward.filter((node) => node.inputs.length > 0 && varying.has(node) && trained.has(node));
  const places = new Map(path.map((node, place) => [node, place]));
  const known = new Set(forward);
  const backward = topologicalOrder(gradients).filter((node) => !known.has(node));
  const saved = new Set(backward.flatMap((node) => node.inputs));
  const lastReads = new Map<Value, number>();
  for (const [place, node] of path.entries()) for (const value of node.inputs) lastReads.set(value, place);
  return path.map((node, place) => ({
    node,
    values: node.outputs.map((value) => ({
      bytes: bytesOf(value),
      lastRead: lastReads.get(value) ?? place,
      isSaved: saved.has(value),
    })),
    reads: Math.max(-1, ...node.inputs.map((value) => places.get(value.node) ?? -1)),
  }));
}

const BYTES: Partial<Record<TensorType["dtype"], number>> = {
  float64: 8,
  int64: 8,
  float16: 2,
  bfloat16: 2,
  bool: 1,
};

const bytesOf = ({ dtype, shape }: TensorType): number => sizeOf(shape) * (BYTES[dtype] ?? 4);

interface Cut {
  readonly place: number;
  readonly value: Value;
}

/** The candidates on which every later node depends: each reads them, or something after them. */
function cutsOf(path: readonly Place[], candidates: ReadonlySet<Value>): Cut[] {
  const cuts: Cut[] = [];
  let earliestRead = Number.POSITIVE_INFINITY;
  for (const [place, { node, reads }] of [...path.entries()].toReversed()) {
    const value = node.outputs.find((output) => candidates.has(output));
    if (value && place < path.length - 1 && earliestRead >= place) cuts.push({ place, value });
    earliestRead = Math.min(earliestRead, reads);
  }
  return cuts.reverse();
}

/** The part of the path between two cuts. */
interface Step {
  /** Bytes that are kept of it, since something after it reads them. */
  readonly kept: number;
  /** Bytes of the others that the backward pass reads. */
  readonly saved: number;
}

/** For each cut, and for the end, the steps from the start and from each earlier cut. */
function stepsBetween(path: readonly Place[], cuts: readonly Cut[]): Step[][] {
  const ends = [...cuts.map(({ place }) => place), path.length - 1];
  return ends.map((end, at) => {
    const steps: Step[] = [];
    let [kept, saved, place] = [0, 0, end];
    for (let from = at - 1; from >= -1; from--) {
      const start = from < 0 ? -1 : (ends[from] as number);
      for (; place > start; place--) {
        for (const { bytes, lastRead, isSaved } of path[place]?.values ?? []) {
          if (lastRead > end) kept += bytes;
          else if (isSaved) saved += bytes;
        }
      }
      steps.push({ kept, saved });
    }
    return steps.reverse();
  });
}

interface Plan {
  /** Numbers of the cuts. */
  readonly cuts: readonly number[];
  readonly kept: number;
}

/** The plan that keeps least among those in which no segment saves more than a limit; undefined if there is none. */
function cheapestPlan(steps: readonly (readonly Step[])[], limit: number): Plan | undefined {
  const cheapest: { readonly kept: number; readonly from: number }[] = [];
  for (const [at, from] of steps.entries()) {
    let best = { kept: Number.POSITIVE_INFINITY, from: -1 };
    for (const [start, { kept, saved }] of from.entries()) {
      if (saved > limit) continue;
      const total = kept + (start === 0 ? 0 : (cheapest[start - 1]?.kept ?? 0));
      if (total < best.kept) best = { kept: total, from: start - 1 };
    }
    cheapest[at] = best;
  }
  const end = cheapest.at(-1);
  if (!end || end.kept === Number.POSITIVE_INFINITY) return undefined;
  const cuts: number[] = [];
  for (let at = end.from; at >= 0; at = cheapest[at]?.from ?? -1) cuts.push(at);
  return { cuts: cuts.reverse(), kept: end.kept };
}

import type { FloatArray } from "../float-array.js";
import { requireSameLength } from "../float-array.js";
import type { NumberFormat } from "../formats.js";
import { type RowSum, worstRowSum } from "../metrics/row-sum.js";
import type { Reference } from "../oracle.js";
import { ErrorGroup, type GroupErrors, type Scale } from "./error-group.js";
import type { RowTargets } from "./row-targets.js";

/** The entry of a row's target, another one of that row, or any of an ignored row. */
export type EntryKind = "target" | "tail" | "ignored";

/** Entries of one kind, in rows whose targets have probabilities in [from, to), or [from, 1] for the last. */
export interface EntryGroup extends GroupErrors {
  readonly kind: EntryKind;
  readonly from: number;
  readonly to: number;
}

/** Entries that are no normal numbers. */
export interface SpecialEntries {
  /** 0, where the exact entry is below the smallest normal number and not 0. */
  readonly underflowed: number;
  /** 0, where the exact entry is a normal number, as after a difference that cancelled. */
  readonly vanished: number;
  /** Below the smallest normal number and not 0. */
  readonly subnormal: number;
  /** NaN or infinite, where the exact entry is neither. */
  readonly nonFinite: number;
}

/** A computed gradient, judged against the exact one. */
export interface GradientJudgement {
  /** The groups that have entries. */
  readonly groups: readonly EntryGroup[];
  readonly special: SpecialEntries;
  /** The worst row sum; `relative` is its residual over the sum of the row's magnitudes. */
  readonly rowSum: RowSum & { readonly relative: number };
  /** The factor between all entries and the exact ones, as after a wrong reduction; undefined if they have none but 1. */
  readonly factor: number | undefined;
}

/** The probabilities of targets that separate groups: at 0.999, p - 1 keeps 14 of 24 bits, and none of 8. */
const CONFIDENCES = [0, 0.5, 0.9, 0.99, 0.999, 1] as const;

/**
 * Judges a computed gradient, rows x classes, row-major, whose entries are numbers of the format. An entry of an ignored
 * row is outside the limit unless it is exactly 0. NaN is right where the exact entry is NaN.
 *
 * @throws RangeError if its length differs from the reference's.
 */
export function judgeGradient(
  gradient: FloatArray,
  { classes, gradient: { hi, lo } }: Reference,
  targets: RowTargets,
  scale: Scale,
): GradientJudgement {
  requireSameLength(gradient, hi);
  const groups = new Groups(scale);
  const special = new Special(scale.format);
  const proportion = new Proportion();
  for (let row = 0, index = 0; index < hi.length; row++) {
    const target = targets.classes[row] as number;
    const { ofTarget, ofTail } = groups.ofRow(target, targets.probabilities[row] as number);
    for (let column = 0; column < classes; column++, index++) {
      const [computed, exact] = [gradient[index] as number, hi[index] as number];
      (column === target ? ofTarget : ofTail).add(index, computed, exact, lo[index] as number);
      special.add(computed, exact);
      proportion.add(computed, exact);
    }
  }
  const sum = worstRowSum(gradient, classes);
  const relative = sum.residual === 0 ? 0 : sum.residual / sumOfMagnitudes(gradient, sum.row, classes);
  return {
    groups: groups.found,
    special: special.counts,
    factor: proportion.factor,
    // NaN over NaN: no finite number describes it.
    rowSum: { ...sum, relative: Number.isNaN(relative) ? Number.POSITIVE_INFINITY : relative },
  };
}

/** Judges a computed loss, which has one entry or one per row. @throws RangeError if its length is another. */
export function judgeLoss(computed: FloatArray, { loss: { hi, lo } }: Reference, scale: Scale): GroupErrors {
  requireSameLength(computed, hi);
  const group = new ErrorGroup(scale);
  for (let i = 0; i < hi.length; i++) {
    group.add(i, computed[i] as number, hi[i] as number, lo[i] as number);
  }
  return group.errors as GroupErrors;
}

/** All groups of entries. */
class Groups {
  readonly #target: readonly ErrorGroup[];
  readonly #tail: readonly ErrorGroup[];
  readonly #ignored: ErrorGroup;

  constructor(scale: Scale) {
    this.#target = CONFIDENCES.slice(1).map(() => new ErrorGroup(scale));
    this.#tail = CONFIDENCES.slice(1).map(() => new ErrorGroup(scale));
    this.#ignored = new ErrorGroup({ ...scale, maxUlp: 0 });
  }

  ofRow(target: number, probability: number): { ofTarget: ErrorGroup; ofTail: ErrorGroup } {
    if (target < 0) return { ofTarget: this.#ignored, ofTail: this.#ignored };
    const above = CONFIDENCES.slice(1, -1).filter((confidence) => probability >= confidence).length;
    return { ofTarget: this.#target[above] as ErrorGroup, ofTail: this.#tail[above] as ErrorGroup };
  }

  get found(): EntryGroup[] {
    const selectGroups = (kind: EntryKind, groups: readonly ErrorGroup[]) =>
      groups.flatMap(({ errors }, band) => {
        const [from = 0, to = 1] = kind === "ignored" ? [0, 1] : CONFIDENCES.slice(band, band + 2);
        return errors ? [{ kind, from, to, ...errors }] : [];
      });
    return [
      ...selectGroups("target", this.#target),
      ...selectGroups("tail", this.#tail),
      ...selectGroups("ignored", [this.#ignored]),
    ];
  }
}

/** Finds a common factor of all entries, by least squares. */
class Proportion {
  #computed = 0;
  #both = 0;
  #exact = 0;

  add(computed: number, exact: number): void {
    this.#computed += computed * computed;
    this.#both += computed * exact;
    this.#exact += exact * exact;
  }

  get factor(): number | undefined {
    const factor = this.#both / this.#exact;
    // The squares of what the factor leaves over, and of what there is.
    const rest = this.#computed - factor * this.#both;
    const isCommon = rest <= TOLERANCE ** 2 * this.#computed && Math.abs(factor - 1) > TOLERANCE;
    return isCommon && factor !== 0 ? factor : undefined;
  }
}

/** Further off than rounding; nearer than any mistake that leaves a factor. */
const TOLERANCE = 0.02;

/** Counts `SpecialEntries`. */
class Special {
  readonly counts = { underflowed: 0, vanished: 0, subnormal: 0, nonFinite: 0 };
  readonly #smallestNormal: number;

  constructor({ smallestNormal }: NumberFormat) {
    this.#smallestNormal = smallestNormal;
  }

  add(computed: number, exact: number): void {
    const isNormal = Math.abs(exact) >= this.#smallestNormal;
    if (computed === 0 && exact !== 0) this.counts[isNormal ? "vanished" : "underflowed"]++;
    else if (computed !== 0 && Math.abs(computed) < this.#smallestNormal) this.counts.subnormal++;
    else if (!Number.isFinite(computed) && Number.isFinite(exact)) this.counts.nonFinite++;
  }
}

function sumOfMagnitudes(gradient: FloatArray, row: number, classes: number): number {
  let sum = 0;
  for (let j = row * classes; j < (row + 1) * classes; j++) sum += Math.abs(gradient[j] as number);
  return sum;
}

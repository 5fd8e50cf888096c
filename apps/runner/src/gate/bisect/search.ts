/**
 * The outcome of comparing a revision with the good one. `inconclusive`: the machine was too noisy. `broken`: the revision
 * cannot be built or measured.
 */
export type StepVerdict = "slower" | "equal" | "inconclusive" | "broken";

/** Compares a revision, by its index, with the good one. @param attempt from 0; later ones measure more */
export type Compare = (index: number, attempt: number) => Promise<StepVerdict>;

export type SearchResult =
  /** The last revision is not slower than the good one, or that cannot be told. */
  | { readonly kind: "no difference"; readonly verdict: Exclude<StepVerdict, "slower"> }
  /** The first slower revision. */
  | { readonly kind: "found"; readonly index: number }
  /** One of the revisions `from` to `to`: all but the last of them cannot be compared. */
  | { readonly kind: "range"; readonly from: number; readonly to: number };

/** Comparisons of one revision until it is skipped. */
export const MOST_ATTEMPTS = 3;

/**
 * Finds the first slower one of revisions that follow a good one, oldest first, by bisection: one comparison of the last
 * revision and at most ⌈log₂ count⌉ others. An inconclusive comparison is repeated. A revision that stays inconclusive, or
 * is broken, is skipped for a neighbour, as `git bisect skip` does, and costs these comparisons besides.
 *
 * @throws RangeError if there is no revision
 */
export async function findFirstSlower(count: number, compare: Compare): Promise<SearchResult> {
  if (count < 1) throw new RangeError("expected at least one revision after the good one");
  const end = await compareRepeatedly(count - 1, compare);
  if (end !== "slower") return { kind: "no difference", verdict: end };
  // Everything up to `equal` is as fast as the good revision, which is before the first; `slower` is slower.
  let [equal, slower] = [-1, count - 1];
  const skipped = new Set<number>();
  for (;;) {
    const index = middleBetween(equal, slower, skipped);
    if (index === undefined) break;
    const verdict = await compareRepeatedly(index, compare);
    if (verdict === "equal") equal = index;
    else if (verdict === "slower") slower = index;
    else skipped.add(index);
  }
  return slower - equal === 1
    ? { kind: "found", index: slower }
    : { kind: "range", from: equal + 1, to: slower };
}

async function compareRepeatedly(index: number, compare: Compare): Promise<StepVerdict> {
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const verdict = await compare(index, attempt);
    if (verdict !== "inconclusive") return verdict;
  }
  return "inconclusive";
}

/** The middle one of the indices between two others that are not skipped; undefined if none is left. */
function middleBetween(low: number, high: number, skipped: ReadonlySet<number>): number | undefined {
  const left = Array.from({ length: high - low - 1 }, (_, offset) => low + 1 + offset).filter(
    (index) => !skipped.has(index),
  );
  return left[(left.length - 1) >> 1];
}

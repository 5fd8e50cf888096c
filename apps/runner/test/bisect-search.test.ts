import { describe, expect, it } from "vitest";
import {
  findFirstSlower,
  MOST_ATTEMPTS,
  type SearchResult,
  type StepVerdict,
} from "../dist/gate/bisect/search.js";

interface Search {
  readonly count: number;
  /** Index of the first slower revision; `count` for none. */
  readonly first: number;
  /** Other verdicts on a revision, by attempt. */
  readonly instead?: (index: number, attempt: number) => StepVerdict | undefined;
}

/** Runs a search and counts its gates: a broken revision ends before there is one. */
async function search({ count, first, instead }: Search) {
  const calls: [index: number, attempt: number][] = [];
  let gates = 0;
  const result = await findFirstSlower(count, async (index, attempt) => {
    calls.push([index, attempt]);
    const verdict = instead?.(index, attempt) ?? (index >= first ? "slower" : "equal");
    if (verdict !== "broken") gates++;
    return verdict;
  });
  return { result, gates, calls };
}

const COUNTS = Array.from({ length: 64 }, (_, index) => index + 1);
/** The bound of the documents. */
const mostGates = (count: number) => Math.log2(count) + 2;

const found = (index: number): SearchResult => ({ kind: "found", index });
const range = (from: number, to: number): SearchResult => ({ kind: "range", from, to });

/** Describes searches whose result or number of gates is another than expected: an assertion for each would take a minute. */
async function mistakes(
  searches: Iterable<Search & { readonly expected: SearchResult; readonly gates?: number }>,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const { expected, gates: most, ...one } of searches) {
    const { result, gates, calls } = await search(one);
    const isRepeated = new Set(calls.map(String)).size < calls.length;
    const isRight = JSON.stringify(result) === JSON.stringify(expected);
    if (isRight && !isRepeated && gates <= (most ?? mostGates(one.count))) continue;
    wrong.push(`${one.first} of ${one.count}: ${JSON.stringify(result)}, ${gates} gates, ${calls.join(" ")}`);
  }
  return wrong;
}

describe("findFirstSlower", () => {
  it("finds every position among up to 64 commits, in at most log2(n) + 2 gates", async () => {
    const all = COUNTS.flatMap((count) =>
      Array.from({ length: count }, (_, first) => ({ count, first, expected: found(first) })),
    );
    expect(all).toHaveLength(2080);
    expect(await mistakes(all)).toEqual([]);
  });

  it("says after one gate that the last is not slower", async () => {
    const expected: SearchResult = { kind: "no difference", verdict: "equal" };
    expect(await mistakes(COUNTS.map((count) => ({ count, first: count, expected, gates: 1 })))).toEqual([]);
    expect((await search({ count: 9, first: 0, instead: () => "broken" })).result).toEqual({
      kind: "no difference",
      verdict: "broken",
    });
    const noisy = await search({ count: 9, first: 0, instead: () => "inconclusive" });
    expect(noisy.result).toEqual({ kind: "no difference", verdict: "inconclusive" });
    expect(noisy.gates).toBe(MOST_ATTEMPTS);
  });

  it("skips every single broken commit, and names a range only where it may be the first", async () => {
    function* searches() {
      for (const count of [2, 3, 4, 7, 8, 9, 31, 64]) {
        for (let broken = 0; broken < count - 1; broken++) {
          const instead = (index: number) => (index === broken ? ("broken" as const) : undefined);
          for (let first = 0; first < count; first++) {
            const isHidden = first === broken || first === broken + 1;
            yield { count, first, instead, expected: isHidden ? range(broken, broken + 1) : found(first) };
          }
        }
      }
    }
    expect(await mistakes(searches())).toEqual([]);
  });

  it("skips runs of broken commits of any length", async () => {
    function* searches() {
      const count = 24;
      for (let from = 0; from < count - 1; from++) {
        for (let to = from; to < count - 1; to++) {
          const instead = (index: number) => (index >= from && index <= to ? ("broken" as const) : undefined);
          for (let first = 0; first < count; first++) {
            const isHidden = first >= from && first <= to + 1;
            yield { count, first, instead, expected: isHidden ? range(from, to + 1) : found(first) };
          }
        }
      }
    }
    expect(await mistakes(searches())).toEqual([]);
  });

  it("is never wrong about any set of broken and noisy commits among up to 6", async () => {
    const kinds = [undefined, "broken", "inconclusive"] as const;
    function* searches() {
      for (let count = 1; count <= 6; count++) {
        for (let pattern = 0; pattern < 3 ** (count - 1); pattern++) {
          const instead = (index: number) =>
            index === count - 1 ? undefined : kinds[Math.floor(pattern / 3 ** index) % 3];
          const noisy = Array.from({ length: count }, (_, index) => instead(index)).filter(
            (kind) => kind === "inconclusive",
          ).length;
          for (let first = 0; first < count; first++) {
            const isUnknown = (index: number) => index >= 0 && instead(index) !== undefined;
            let [before, to] = [first - 1, first];
            while (isUnknown(before)) before--;
            while (isUnknown(to)) to++;
            const expected = to - before === 1 ? found(to) : range(before + 1, to);
            yield { count, first, instead, expected, gates: mostGates(count) + noisy * MOST_ATTEMPTS };
          }
        }
      }
    }
    expect(await mistakes(searches())).toEqual([]);
  });

  it("repeats an inconclusive comparison, with a higher attempt, and goes on where that settles it", async () => {
    function* searches() {
      for (const count of COUNTS) {
        for (let first = 0; first < count; first++) {
          for (const settled of [1, MOST_ATTEMPTS - 1]) {
            const instead = (index: number, attempt: number) =>
              index % 2 === 1 && attempt < settled ? ("inconclusive" as const) : undefined;
            yield { count, first, instead, expected: found(first), gates: (settled + 1) * mostGates(count) };
          }
        }
      }
    }
    expect(await mistakes(searches())).toEqual([]);
  });

  it("passes on what ends a comparison", async () => {
    const stopped = findFirstSlower(8, async () => {
      throw new Error("stopped");
    });
    await expect(stopped).rejects.toThrow("stopped");
    await expect(findFirstSlower(0, async () => "equal")).rejects.toThrow(RangeError);
  });
});

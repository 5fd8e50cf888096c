import { cellKey, plural } from "@softmax-bench/core";
import { type Comparison, withInstructions } from "@softmax-bench/regression";
import { type Checkout, listIn } from "./checkout.js";
import { firstLookSeconds } from "./expected-time.js";
import { COUNTED, type Counted, compareInstructions, explainUncounted } from "./instructions.js";
import { isOwn } from "./own-repository.js";
import type { GateRequest } from "./request.js";
import { baselineFlags, droppedCells, oneSided, valueAfter } from "./selection.js";

/**
 * Counts the instructions of the selection's cells that both sides have, as far as there is time besides a first look at those that are
 * timed. @param timed keys of the latter
 */
export async function countSides(
  request: GateRequest,
  timed: readonly string[],
  baseline: Checkout,
  candidate: Checkout,
): Promise<Counted> {
  const { selection } = request;
  const list = (checkout: Checkout, flags: readonly string[]) =>
    listIn(checkout, ["--profile", "gate", ...flags], request);
  const asked: string[] = [];
  const lists = countedFlags(selection.flags, timed);
  for (const flags of lists) asked.push(...(await list(candidate, flags)));
  if (asked.length === 0) {
    return nothingCounted(`only those of ${[...COUNTED.keys()].join(", ")} are`);
  }
  const has = new Set(await list(baseline, baselineFlags(asked, selection, isOwn(candidate))));
  const cells = asked.filter((cell) => has.has(cell));
  const counted =
    cells.length > 0
      ? await compareInstructions({
          ...request,
          baseline,
          candidate,
          cells,
          reservedMs: 1000 * firstLookSeconds(timed),
        })
      : nothingCounted(`${baseline.name} has none of ${plural(asked.length, "cell")}`);
  const dropped = lists.flatMap((flags) =>
    droppedCells(asked, has, { ...selection, flags }, isOwn(candidate)),
  );
  const absent = [
    ...asked.filter((cell) => !has.has(cell)).map((cell) => oneSided(cell, "only the candidate has it")),
    ...dropped.map((cell) => oneSided(cell, "only the baseline has it")),
  ];
  return { ...counted, notCompared: [...counted.notCompared, ...absent] };
}

const nothingCounted = (why: string): Counted => ({
  cells: [],
  notCompared: [],
  notes: [`No instructions were counted: ${why}.`],
  processes: [],
});

/**
 * Flags of the selection's counted cells, on workloads for that unless it names some: a list for each backend that is timed, since
 * others may lack the methods or dtypes; none if no such backend is counted.
 */
export function countedFlags(flags: readonly string[], timed: readonly string[]): string[][] {
  const cells = valueAfter(flags, "--cell")?.split(",");
  if (cells) {
    const counted = cells.filter((cell) => [...COUNTED.keys()].some((id) => cell.startsWith(`${id} `)));
    return counted.length > 0 ? [["--cell", counted.join(",")]] : [];
  }
  const kept = ["--method", "--dtype"].flatMap((flag) => {
    const value = valueAfter(flags, flag);
    return value === undefined ? [] : [flag, value];
  });
  return [...COUNTED]
    .filter(([id]) => timed.some((cell) => cell.startsWith(`${id} `)))
    .map(([id, usual]) => {
      const workloads = valueAfter(flags, "--workload") ?? usual.join(",");
      return ["--backend", id, "--workload", workloads, ...kept];
    });
}

/** The expected numbers of cells that `countedFlags` list, one for each backend: it has as many methods and dtypes as are timed. */
export const expectedCounts = (flags: readonly string[], timed: readonly string[]): number[] =>
  countedFlags(flags, timed).flatMap((own) => {
    const cells = valueAfter(own, "--cell")?.split(",");
    if (cells) {
      const numbers = [...COUNTED.keys()].map(
        (id) => cells.filter((cell) => cell.startsWith(`${id} `)).length,
      );
      return numbers.filter((number) => number > 0);
    }
    const id = valueAfter(own, "--backend");
    const gradients = timed
      .filter((cell) => cell.startsWith(`${id} `))
      .map((cell) => cell.split(" ").slice(0, 3).join(" "));
    return new Set(gradients).size * (valueAfter(own, "--workload")?.split(",").length ?? 1);
  });

/** The comparison with counts beside its times. */
export function addCounts(comparison: Comparison, { cells, notCompared, notes }: Counted): Comparison {
  const together = withInstructions(comparison, cells);
  const backends = [...new Set(comparison.cells.map(({ backend }) => backend))];
  const isLacking = new Set(together.notCompared.map(cellKey));
  const known = new Set([...together.cells.map(cellKey), ...isLacking]);
  return {
    ...together,
    notes: [...together.notes, ...notes, ...explainUncounted(backends)],
    notCompared: [
      ...together.notCompared,
      // What broke counts, even where the cell was timed, and so does what there was no time for.
      ...notCompared.filter((cell) =>
        cell.kind === "broken" || cell.kind === "no-time"
          ? !isLacking.has(cellKey(cell))
          : !known.has(cellKey(cell)),
      ),
    ],
  };
}

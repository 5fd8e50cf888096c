import type { BackendRecord, Results } from "@softmax-bench/core";
import { overlaps } from "@softmax-bench/stats";
import { type Constraints, isUsable, isWithinBound } from "./constraints.js";
import { type RankedCell, rank } from "./ranking.js";

/** Which gradient to take, of one workload and dtype. */
export interface Recommendation {
  /** The fastest that satisfies all constraints; undefined if none does. */
  readonly best: RankedCell | undefined;
  /** Others that satisfy them and whose intervals overlap its own. */
  readonly tied: readonly RankedCell[];
  /** The fastest that satisfies them and is slower, beyond doubt. */
  readonly runnerUp: RankedCell | undefined;
  /** A usable cell that is no slower, but outside the error bound. */
  readonly faster: RankedCell | undefined;
  /** Whether that one is faster beyond doubt. */
  readonly fasterIsTied: boolean;
  /** Whether a cell was measured on a backend that the reader can use. */
  readonly anyUsable: boolean;
}

const rangeOf = ({ timing: { ci95Ns } }: RankedCell) => ({ low: ci95Ns[0], high: ci95Ns[1] });

/** @param ranked cells of one workload and dtype, fastest first, see `rank` */
export function recommend(
  ranked: readonly RankedCell[],
  constraints: Constraints,
  backends: readonly BackendRecord[],
): Recommendation {
  const records = new Map(backends.map((backend) => [backend.id, backend]));
  const usable = ranked.filter(({ backend }) => isUsable(records.get(backend), constraints));
  const eligible = usable.filter((cell) => isWithinBound(cell, constraints.error));
  const [best, ...others] = eligible;
  const [fastest] = usable;
  const isTied = (cell: RankedCell): boolean => best !== undefined && overlaps(rangeOf(cell), rangeOf(best));
  return {
    best,
    tied: others.filter(isTied),
    runnerUp: others.find((cell) => !isTied(cell)),
    faster: best && fastest !== best ? fastest : undefined,
    fasterIsTied: fastest !== undefined && isTied(fastest),
    anyUsable: usable.length > 0,
  };
}

/** The same from results. */
export function recommendFor(
  { cells, backends }: Pick<Results, "cells" | "backends">,
  { workload, dtype }: { readonly workload: string; readonly dtype: RankedCell["dtype"] },
  constraints: Constraints,
): Recommendation {
  const own = cells.filter((cell) => cell.workload === workload && cell.dtype === dtype);
  return recommend(rank(own, constraints.phase), constraints, backends);
}

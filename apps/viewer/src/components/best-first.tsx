import type { Cell } from "@softmax-bench/core";
import { useMemo, useState } from "preact/hooks";

/**
 * A row for each backend, or all of them once a reader asks for them: the first one that is eligible, otherwise the first one.
 *
 * @param rows best first; the same array until they change
 * @param isEligible true for cells that satisfy the reader's constraints; the same function until they change
 */
export function useBestFirst<T>(
  rows: readonly T[],
  cellOf: (row: T) => Cell,
  isEligible: (cell: Cell) => boolean,
) {
  const [isExpanded, setExpanded] = useState(false);
  const best = useMemo(() => bestOfEach(rows, cellOf, isEligible), [rows, isEligible]);
  const toggle = best.length < rows.length && (
    <button type="button" class="expand" aria-expanded={isExpanded} onClick={() => setExpanded(!isExpanded)}>
      {isExpanded ? "Only the best method of each backend" : `Expand for all ${rows.length}`}
    </button>
  );
  const isAll = isExpanded || !toggle;
  return { rows: isAll ? rows : best, toggle, scope: isAll ? "" : ", the best method of each backend" };
}

function bestOfEach<T>(
  rows: readonly T[],
  cellOf: (row: T) => Cell,
  isEligible: (cell: Cell) => boolean,
): T[] {
  const best = new Map<string, T>();
  for (const row of rows) {
    const { backend } = cellOf(row);
    const known = best.get(backend);
    if (known === undefined || (!isEligible(cellOf(known)) && isEligible(cellOf(row))))
      best.set(backend, row);
  }
  const chosen = new Set(best.values());
  return rows.filter((row) => chosen.has(row));
}

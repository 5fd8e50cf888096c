import { useMemo, useState } from "preact/hooks";

/** The first row of each backend, or all of them once a reader asks for them. @param rows best first; the same array until they change */
export function useBestFirst<T>(rows: readonly T[], backendOf: (row: T) => string) {
  const [isExpanded, setExpanded] = useState(false);
  const best = useMemo(() => firstOfEach(rows, backendOf), [rows]);
  const toggle = best.length < rows.length && (
    <button type="button" class="expand" aria-expanded={isExpanded} onClick={() => setExpanded(!isExpanded)}>
      {isExpanded ? "Only the best method of each backend" : `Expand for all ${rows.length}`}
    </button>
  );
  return { rows: isExpanded ? rows : best, toggle };
}

function firstOfEach<T>(rows: readonly T[], backendOf: (row: T) => string): T[] {
  const seen = new Set<string>();
  return rows.filter((row) => {
    const backend = backendOf(row);
    return seen.has(backend) ? false : seen.add(backend);
  });
}

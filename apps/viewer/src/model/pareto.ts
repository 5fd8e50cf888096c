/** The entries that no other one beats in both quantities, ascending in the first; both are better when smaller. */
export function paretoFront<T>(entries: readonly T[], x: (entry: T) => number, y: (entry: T) => number): T[] {
  const front: T[] = [];
  let lowest = Number.POSITIVE_INFINITY;
  for (const entry of entries.toSorted((a, b) => x(a) - x(b) || y(a) - y(b))) {
    if (y(entry) >= lowest) continue;
    lowest = y(entry);
    front.push(entry);
  }
  return front;
}

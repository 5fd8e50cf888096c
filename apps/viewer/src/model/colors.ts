/** Colors that are told apart by name; a scale of more repeats them. */
const NAMED_COLORS = 10;

/** A color for each name, of which no two have the same: results may have backends that nobody has heard of, and many. */
export function categoricalColor(names: Iterable<string>) {
  const scheme = new Set(names).size > NAMED_COLORS ? "turbo" : "observable10";
  return { type: "categorical", scheme } as const;
}

/** The number of colors that are distinguished by name; a longer scale repeats them. */
const NAMED_COLORS = 10;

/** A different color for each name: results may have many backends, also unknown ones. */
export function categoricalColor(names: Iterable<string>) {
  const scheme = new Set(names).size > NAMED_COLORS ? "turbo" : "observable10";
  return { type: "categorical", scheme } as const;
}

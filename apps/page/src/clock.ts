/** The smallest difference between two times of the clock, in nanoseconds. @param steps how many differences to see */
export function clockStep(steps = 50): number {
  let smallest = Number.POSITIVE_INFINITY;
  let last = performance.now();
  for (let seen = 0; seen < steps; ) {
    const next = performance.now();
    if (next === last) continue;
    smallest = Math.min(smallest, next - last);
    last = next;
    seen++;
  }
  return smallest * 1e6;
}

/**
 * p-values corrected for their number by Holm's step-down procedure: rejecting if the corrected value is at most α
 * rejects any true hypothesis with probability α at most, for any dependence of the tests (Holm 1979).
 */
export function holm(pValues: readonly number[]): number[] {
  const ascending = pValues.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p);
  const corrected = pValues.map(() => 1);
  let largest = 0;
  for (const [position, { p, index }] of ascending.entries()) {
    largest = Math.max(largest, Math.min(1, p * (pValues.length - position)));
    corrected[index] = largest;
  }
  return corrected;
}

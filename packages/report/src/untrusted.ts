/** Longest line that is printed, in characters; the longest honest sentence has about 400. */
const LONGEST = 600;

/**
 * A text from a results file, which may come from anywhere, as one harmless line: control characters (and with
 * them terminal escapes and line breaks) become spaces, invisible direction marks go, and the length is bounded.
 */
export function oneLine(text: string): string {
  const clean = text
    .slice(0, 10 * LONGEST)
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ")
    .replaceAll(/\p{Cf}/gu, "");
  return clean.length > LONGEST ? `${clean.slice(0, LONGEST - 1)}…` : clean;
}

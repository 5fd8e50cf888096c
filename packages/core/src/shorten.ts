/** At most `longest` UTF-16 units, the last of them `…` if something was cut off. */
export function shorten(text: string, longest: number): string {
  if (text.length <= longest) return text;
  // Drops the first half of a character whose second half would be cut off.
  return `${text.slice(0, longest - 1).replace(/\p{Cs}$/u, "")}…`;
}

/** Bytes that are not a `.npy` file of numbers. One line: what was expected, what came; no file name. */
export class NpyError extends Error {
  override readonly name = "NpyError";
}

/** A text from a file, shortened and without control characters. */
export function quote(text: string): string {
  const clean = text.replaceAll(/[\p{C}\u2028\u2029]/gu, "?");
  return JSON.stringify(clean.length > 60 ? `${clean.slice(0, 59)}…` : clean);
}

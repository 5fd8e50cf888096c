/** Bytes that are not a `.npy` file of numbers. One line: what was expected, what came; no file name. */
export class NpyError extends Error {
  override readonly name: string = "NpyError";
}

/** A `.npy` file of 2 bytes per element and no type. The reader of its message knows how to tell the type. */
export class UntypedError extends NpyError {
  override readonly name = "UntypedError";

  constructor(descr: string) {
    super(`has elements of 2 bytes without a type (${quote(descr)}), as NumPy saves bfloat16`);
  }
}

/** Bytes that are not a `.safetensors` file. One line: what was expected, what came; no file name. */
export class SafetensorsError extends Error {
  override readonly name = "SafetensorsError";
}

/** A text from a file, shortened and without control characters. */
export function quote(text: string): string {
  const clean = text.replaceAll(/[\p{C}\u2028\u2029]/gu, "?");
  return JSON.stringify(clean.length > 60 ? `${clean.slice(0, 59)}…` : clean);
}

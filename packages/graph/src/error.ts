/** A graph that cannot be built, differentiated or run; the message names the node. */
export class GraphError extends Error {
  override readonly name: string = "GraphError";

  constructor(message: string, options?: ErrorOptions) {
    super(oneLine(message), options);
  }
}

/**
 * Returns a message that is readable and harmless to a terminal: names and shapes from a file may contain thousands of
 * characters, line breaks, control characters and invisible ones.
 */
export const oneLine = (message: string): string =>
  (message.length > 500 ? `${message.slice(0, 500)}…` : message).replaceAll(/[\p{C}\u2028\u2029]/gu, "?");

/**
 * A result that ONNX leaves undefined, such as that of an integer division by 0 or of a cast of NaN to an integer.
 * Constant folding skips such nodes.
 */
export class UndefinedResult extends GraphError {}

/** A runtime has no kernel for an operator, which has no body either. */
export class MissingKernel extends GraphError {}

/** Returns the result of a computation; undefined if ONNX leaves it undefined. */
export function unlessUndefined<T>(compute: () => T): T | undefined {
  try {
    return compute();
  } catch (error) {
    if (error instanceof UndefinedResult) return undefined;
    throw error;
  }
}

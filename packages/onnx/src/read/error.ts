import { oneLine } from "@softmax-bench/graph";

/** An unreadable model; the message says where, what was expected and what came. */
export class ModelError extends Error {
  override readonly name = "ModelError";

  constructor(message: string, options?: ErrorOptions) {
    super(oneLine(message), options);
  }
}

/** A name from a file, safe for a message: short, and without control characters. */
export const quote = (name: string): string =>
  oneLine(JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name));

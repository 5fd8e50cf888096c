import { oneLine } from "@softmax-bench/graph";

/** A model that cannot be read; the message says where in it, what was expected and what came. */
export class ModelError extends Error {
  override readonly name = "ModelError";

  constructor(message: string, options?: ErrorOptions) {
    super(oneLine(message), options);
  }
}

/** A name from a file, fit for a message: short, and without control characters. */
export const quoted = (name: string): string =>
  oneLine(JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name));

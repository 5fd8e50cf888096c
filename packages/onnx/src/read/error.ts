import { shortened } from "@softmax-bench/graph";

/** A model that cannot be read; the message says where in it, what was expected and what came. */
export class ModelError extends Error {
  override readonly name = "ModelError";

  constructor(message: string, options?: ErrorOptions) {
    super(shortened(message), options);
  }
}

/** A name from a file, fit for a message: short, and without control characters. */
export const quoted = (name: string): string =>
  JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name).replace(
    /[\u007f-\u009f\u2028-\u202e]/g,
    "?",
  );

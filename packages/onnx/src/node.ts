import { closeSync, openSync, readFileSync, readSync, realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { ModelError, quote } from "./read/error.js";
import { type Model, parseModel } from "./read/model.js";
import type { ExternalData } from "./read/tensors.js";

/** The maximum size of a protobuf message. */
const PROTOBUF_LIMIT = 2 ** 31 - 1;

/**
 * An ONNX model from a file. Tensors stored in other files are read on demand, from the model's folder only.
 *
 * @throws ModelError if the file is not a model, is larger than a protobuf can be, or refers to data that is missing,
 * too short or outside its folder
 */
export function loadModel(path: string): Model {
  const { size } = requireFile(path, "model");
  if (size > PROTOBUF_LIMIT) {
    throw new ModelError(
      `the model has ${size} bytes, a protobuf at most ${PROTOBUF_LIMIT}; store its tensors as external data`,
    );
  }
  const folder = dirname(realpathSync(path));
  const model = parseModel(readFileSync(path), (data) => readBeside(folder, data));
  for (const { external } of model.initializers.values()) if (external) pathBeside(folder, external);
  return model;
}

function requireFile(path: string, what: string) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new ModelError(`${what} ${quote(path)} does not exist`);
  if (!found.isFile()) throw new ModelError(`${what} ${quote(path)} is not a regular file`);
  return found;
}

function readBeside(folder: string, data: ExternalData): Uint8Array {
  const { offset, length } = data;
  const path = pathBeside(folder, data);
  const descriptor = openSync(path, "r");
  try {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const count = readSync(descriptor, bytes, filled, length - filled, offset + filled);
      if (count === 0) throw new ModelError(`the model's data in ${quote(data.location)} ends too early`);
      filled += count;
    }
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

/** @throws ModelError if the location is outside the folder (also through a link), is not a file, or is too short. */
function pathBeside(folder: string, { location, offset, length }: ExternalData): string {
  const outside = () =>
    new ModelError(`the model's data is said to be in ${quote(location)}, outside its folder`);
  if (isAbsolute(location) || location.includes("\0") || location.split(/[\\/]/).includes(".."))
    throw outside();
  const path = join(folder, location);
  const { size } = requireFile(path, "the model's data");
  const from = relative(folder, realpathSync(path));
  if (from === ".." || from.startsWith(`..${sep}`) || isAbsolute(from)) throw outside();
  if (size < offset + length) {
    throw new ModelError(
      `the model's data in ${quote(location)} has ${size} bytes, ${offset + length} are needed`,
    );
  }
  return path;
}

import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import type { Tensor } from "@softmax-bench/graph";
import { ModelError, quote } from "./read/error.js";
import { type Model, parseModel } from "./read/model.js";
import type { ExternalData, ReadExternal } from "./read/tensors.js";
import { type ExternalChange, externalLocations, writeWeights } from "./write-back.js";

/** The maximum size of a protobuf message. */
const PROTOBUF_LIMIT = 2 ** 31 - 1;

/**
 * An ONNX model from a file. Tensors stored in other files are read on demand, from the model's folder only.
 *
 * @throws ModelError if the file is not a model, is larger than a protobuf can be, or refers to data that is missing,
 * too short or outside its folder
 */
export function loadModel(path: string): Model {
  const { bytes, folder } = readModel(path);
  const model = parseModel(bytes, (data) => readBeside(folder, data));
  for (const { external } of model.initializers.values()) if (external) pathBeside(folder, external);
  return model;
}

/**
 * Writes a model with new values of some of its floating-point tensors as another file: see `writeBack`. Files with its
 * data are copied, with the new values in their places; they keep their names, so that the other file must be in another
 * folder.
 *
 * @param weights new values by name; tensors that it lacks stay
 * @throws ModelError if the file is not a model that this package reads, has no such tensor of this type, or has data in
 * other files, and the other model would be in the same folder
 */
export function saveWeights(path: string, weights: ReadonlyMap<string, Tensor>, out: string): void {
  const { bytes, folder } = readModel(path);
  const readExternal: ReadExternal = (data) => readBeside(folder, data);
  const locations = externalLocations(bytes);
  const target = realpathSync(dirname(out));
  if (locations.size > 0 && target === folder) {
    const [first = ""] = locations;
    throw new ModelError(
      `the model's data are in ${quote(first)}: write to another folder, where they keep their name`,
    );
  }
  const written = writeWeights(bytes, weights, readExternal);
  for (const location of locations) {
    const changes = written.external.filter(({ at }) => at.location === location);
    const [source, copy] = [pathBeside(folder, { location, offset: 0, length: 0 }), join(target, location)];
    if (isSameFile(source, copy))
      throw new ModelError(`${quote(copy)} is a link to the data of the model itself`);
    mkdirSync(dirname(copy), { recursive: true });
    replaceFile(copy, (partial) => {
      copyFileSync(source, partial);
      chmodSync(partial, statSync(partial).mode | 0o200);
      writeAt(partial, changes);
    });
  }
  replaceFile(out, (partial) => writeFileSync(partial, written.bytes, { flush: true }));
}

function isSameFile(a: string, b: string): boolean {
  const [first, second] = [a, b].map((file) => statSync(file, { throwIfNoEntry: false }));
  return first !== undefined && first.ino === second?.ino && first.dev === second?.dev;
}

/** Makes a file under another name first: no reader sees half of it. */
function replaceFile(path: string, write: (partial: string) => void): void {
  const partial = `${path}.${randomBytes(6).toString("hex")}.partial`;
  try {
    write(partial);
    renameSync(partial, path);
  } finally {
    rmSync(partial, { force: true });
  }
}

function writeAt(path: string, changes: readonly ExternalChange[]): void {
  const descriptor = openSync(path, "r+");
  try {
    for (const { at, bytes } of changes) {
      let written = 0;
      while (written < bytes.length) {
        written += writeSync(descriptor, bytes, written, bytes.length - written, at.offset + written);
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

function readModel(path: string): { readonly bytes: Uint8Array; readonly folder: string } {
  const { size } = requireFile(path, "model");
  if (size > PROTOBUF_LIMIT) {
    throw new ModelError(
      `the model has ${size} bytes, a protobuf at most ${PROTOBUF_LIMIT}; store its tensors as external data`,
    );
  }
  return { bytes: readFileSync(path), folder: dirname(realpathSync(path)) };
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

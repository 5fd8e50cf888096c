import { type ElementType, parseElementType } from "./dtype.js";
import { NpyError, quote } from "./error.js";
import { type Literal, parseDict } from "./python-literal.js";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** NumPy's own limit for files that it writes: 64 dimensions; and a limit above the header of any array of numbers. */
export const MOST_DIMENSIONS = 64;
const LONGEST_HEADER = 2 ** 16;

/** The description of the data at the start of a file. */
export interface Header {
  readonly element: ElementType;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** The offset of the data, in bytes. */
  readonly offset: number;
}

/**
 * Reads versions 1.0, 2.0 and 3.0 (NEP 1; numpy.lib.format).
 * @throws NpyError if the bytes do not begin with a valid header.
 */
export function readHeader(bytes: Uint8Array, untyped?: "bfloat16"): Header {
  if (bytes.length < 10 || MAGIC.some((byte, index) => bytes[index] !== byte)) {
    throw new NpyError("is not a .npy file: it does not begin with \\x93NUMPY");
  }
  const [major, minor] = [bytes[6] as number, bytes[7] as number];
  if (major < 1 || major > 3 || minor !== 0) {
    throw new NpyError(`expected .npy version 1.0, 2.0 or 3.0, got ${major}.${minor}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) throw new NpyError("ends within its header");
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > LONGEST_HEADER)
    throw new NpyError(`claims a header of ${length} bytes, more than ${LONGEST_HEADER}`);
  const offset = start + length;
  if (offset > bytes.length) {
    throw new NpyError(`claims a header of ${length} bytes, but ends after ${bytes.length - start} of them`);
  }
  const text = decode(bytes.subarray(start, offset), major === 3 ? "utf-8" : "latin1");
  return { ...parseFields(parseDict(text), untyped), offset };
}

function decode(bytes: Uint8Array, encoding: "utf-8" | "latin1"): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new NpyError("the header is not UTF-8");
  }
}

function parseFields(
  dict: ReadonlyMap<string, Literal>,
  untyped: "bfloat16" | undefined,
): Omit<Header, "offset"> {
  const known = ["descr", "fortran_order", "shape"];
  const [unknown] = [...dict.keys()].filter((key) => !known.includes(key));
  if (unknown !== undefined) throw new NpyError(`the header has an unknown entry ${quote(unknown)}`);
  const missing = known.find((key) => !dict.has(key));
  if (missing !== undefined) throw new NpyError(`the header lacks ${missing}`);

  const [descr, fortranOrder, shape] = known.map((key) => dict.get(key) as Literal);
  if (Array.isArray(descr)) throw new NpyError("expected an array of numbers, got one of records");
  if (typeof descr !== "string") throw new NpyError(`descr: expected a string, got ${quote(String(descr))}`);
  if (typeof fortranOrder !== "boolean") {
    throw new NpyError(`fortran_order: expected True or False, got ${quote(String(fortranOrder))}`);
  }
  return { element: parseElementType(descr, untyped), fortranOrder, shape: parseShape(shape) };
}

function parseShape(value: Literal | undefined): readonly number[] {
  if (!Array.isArray(value)) throw new NpyError(`shape: expected a tuple, got ${quote(String(value))}`);
  if (value.length > MOST_DIMENSIONS) {
    throw new NpyError(`shape: expected at most ${MOST_DIMENSIONS} dimensions, got ${value.length}`);
  }
  return value.map((size) => {
    if (typeof size === "number" && Number.isSafeInteger(size) && size >= 0) return size;
    throw new NpyError(`shape: expected sizes of 0 or more, got ${quote(String(size))}`);
  });
}

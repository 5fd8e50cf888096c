import { elementOf, type NpyDType } from "../dtype.js";
import { quote, SafetensorsError } from "../error.js";
import { MOST_DIMENSIONS } from "../header.js";
import { repeatedKey } from "./repeated-key.js";

/** A tensor as the header describes it. */
export interface TensorInfo {
  readonly name: string;
  /** As the file spells it. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Its bytes, from the first to the one after the last, in the data after the header. */
  readonly begin: number;
  readonly end: number;
}

/** The types that are read. Files may have tensors of others. */
const DTYPES: ReadonlyMap<string, NpyDType> = new Map(
  Object.entries<NpyDType>({
    F16: "float16",
    BF16: "bfloat16",
    F32: "float32",
    F64: "float64",
    I8: "int8",
    I16: "int16",
    I32: "int32",
    I64: "int64",
    U8: "uint8",
    U16: "uint16",
    U32: "uint32",
    U64: "uint64",
    BOOL: "bool",
  }),
);

/** The type of a tensor's elements. @throws SafetensorsError if it is none that is read */
export function dtypeOf({ name, dtype }: TensorInfo): NpyDType {
  const known = DTYPES.get(dtype);
  if (known) return known;
  const expected = [...DTYPES.keys()].join(", ");
  throw new SafetensorsError(`tensor ${quote(name)}: expected one of ${expected}, got ${quote(dtype)}`);
}

/** A limit above the header of any file of arrays; the reference implementation's is 100 MB. */
const LONGEST_HEADER = 2 ** 20;
const LENGTH_BYTES = 8;

/**
 * Reads the header, and checks it against the size of the file: tensors fill the data, and none overlap.
 * @throws SafetensorsError if the bytes do not begin with a valid header.
 */
export function readTensorInfos(bytes: Uint8Array): { infos: TensorInfo[]; dataOffset: number } {
  const dataOffset = LENGTH_BYTES + headerLength(bytes);
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, dataOffset));
  const infos = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => parseInfo(name, value));
  requireFilled(infos, bytes.length - dataOffset);
  return { infos, dataOffset };
}

function headerLength(bytes: Uint8Array): number {
  if (bytes.length < LENGTH_BYTES) throw new SafetensorsError("ends within the length of its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(LONGEST_HEADER)) {
    throw new SafetensorsError(`claims a header of ${length} bytes, more than ${LONGEST_HEADER}`);
  }
  const present = bytes.length - LENGTH_BYTES;
  if (length > BigInt(present)) {
    throw new SafetensorsError(`claims a header of ${length} bytes, but ends after ${present} of them`);
  }
  return Number(length);
}

function parseHeader(bytes: Uint8Array): object {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch {
    throw new SafetensorsError("the header is not JSON in UTF-8");
  }
  if (!isObject(header)) throw new SafetensorsError("expected an object in the header");
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw new SafetensorsError(`the header has ${quote(repeated)} twice`);
  return header;
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isSizes = (value: unknown): value is number[] => Array.isArray(value) && value.every(isSize);

function parseInfo(name: string, value: unknown): TensorInfo {
  const fail = (problem: string) => new SafetensorsError(`tensor ${quote(name)}: ${problem}`);
  const fields = new Map<string, unknown>(isObject(value) ? Object.entries(value) : []);
  const [dtype, shape, offsets] = ["dtype", "shape", "data_offsets"].map((key) => fields.get(key));
  if (typeof dtype !== "string" || shape === undefined || offsets === undefined || fields.size !== 3) {
    throw fail("expected dtype, shape and data_offsets");
  }
  if (!isSizes(shape) || shape.length > MOST_DIMENSIONS) {
    throw fail(`shape: expected a list of at most ${MOST_DIMENSIONS} sizes of 0 or more`);
  }
  const [begin = 0, end = 0] = isSizes(offsets) ? offsets : [];
  if (!isSizes(offsets) || offsets.length !== 2 || begin > end) {
    throw fail("data_offsets: expected where it begins and ends");
  }
  const known = DTYPES.get(dtype);
  const elements = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  const needed = known ? elements * elementOf(known).size : end - begin;
  if (needed !== end - begin) {
    throw fail(`its shape takes ${needed} bytes, but its data_offsets have ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

/** As in the reference implementation, no byte of the data belongs to two tensors, or to none. */
function requireFilled(infos: readonly TensorInfo[], length: number): void {
  let filled = 0;
  for (const { name, begin, end } of infos.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== filled) {
      const problem = begin < filled ? "overlaps another tensor" : `leaves a gap of ${begin - filled} bytes`;
      throw new SafetensorsError(`tensor ${quote(name)}: ${problem} before byte ${Math.max(begin, filled)}`);
    }
    filled = end;
  }
  if (filled !== length) {
    throw new SafetensorsError(`claims ${filled} bytes of data, but has ${length}`);
  }
}

import { NpyError, quote, UntypedError } from "./error.js";

/** Numbers in the machine's byte order; float16 and bfloat16 are widened to float32, which is exact, and bool is 0 or 1. */
export type NpyData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

/** Element types, named as in NumPy and ml_dtypes. */
export type NpyDType =
  | "float16"
  | "bfloat16"
  | "float32"
  | "float64"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "bool";

export interface ElementType {
  readonly dtype: NpyDType;
  /** Bytes of an element. */
  readonly size: number;
  readonly littleEndian: boolean;
  /** Views bytes in the machine's order, at an aligned offset, as elements. */
  readonly view: (buffer: ArrayBuffer, length: number) => NpyData;
}

export type Element = Omit<ElementType, "littleEndian">;

/** NumPy knows no bfloat16: it saves the elements of ml_dtypes and JAX as 2 bytes without a type. */
const UNTYPED = "V2";
const BFLOAT16: Element = {
  dtype: "bfloat16",
  size: 2,
  view: (buffer, length) => widenedBfloat16(new Uint16Array(buffer, 0, length)),
};

const KINDS: ReadonlyMap<string, Element> = new Map(
  Object.entries<Element>({
    f2: { dtype: "float16", size: 2, view: (buffer, length) => widened(new Uint16Array(buffer, 0, length)) },
    f4: { dtype: "float32", size: 4, view: (buffer, length) => new Float32Array(buffer, 0, length) },
    f8: { dtype: "float64", size: 8, view: (buffer, length) => new Float64Array(buffer, 0, length) },
    i1: { dtype: "int8", size: 1, view: (buffer, length) => new Int8Array(buffer, 0, length) },
    i2: { dtype: "int16", size: 2, view: (buffer, length) => new Int16Array(buffer, 0, length) },
    i4: { dtype: "int32", size: 4, view: (buffer, length) => new Int32Array(buffer, 0, length) },
    i8: { dtype: "int64", size: 8, view: (buffer, length) => new BigInt64Array(buffer, 0, length) },
    u1: { dtype: "uint8", size: 1, view: (buffer, length) => new Uint8Array(buffer, 0, length) },
    u2: { dtype: "uint16", size: 2, view: (buffer, length) => new Uint16Array(buffer, 0, length) },
    u4: { dtype: "uint32", size: 4, view: (buffer, length) => new Uint32Array(buffer, 0, length) },
    u8: { dtype: "uint64", size: 8, view: (buffer, length) => new BigUint64Array(buffer, 0, length) },
    b1: { dtype: "bool", size: 1, view: (buffer, length) => truthValues(new Uint8Array(buffer, 0, length)) },
  }),
);

/** The elements of a type, in the machine's byte order. */
export const elementOf = (dtype: NpyDType): Element =>
  [BFLOAT16, ...KINDS.values()].find((element) => element.dtype === dtype) as Element;

/**
 * The element type of a `descr` such as `<f4`: byte order, kind, size.
 * @param untyped the type of elements of 2 bytes without a type
 * @throws NpyError for all others: records, strings, dates, complex numbers, and objects, whose pickles could run code.
 */
export function parseElementType(descr: string, untyped?: "bfloat16"): ElementType {
  const [order = "", kind] = [descr.slice(0, 1), descr.slice(1)];
  const known = kind === UNTYPED && untyped ? BFLOAT16 : KINDS.get(kind);
  const isOrderless = known?.size === 1 || known === BFLOAT16;
  const ordered = order === "<" || order === ">" || (order === "|" && isOrderless);
  if (kind === UNTYPED && !untyped && /[<>|]/.test(order)) throw new UntypedError(descr);
  if (!known || !ordered) {
    throw new NpyError(
      `expected elements of float16 … float64, an integer type or bool, got ${quote(descr)}`,
    );
  }
  return { ...known, littleEndian: order !== ">" };
}

/** As in NumPy, any non-zero byte is true. */
const truthValues = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => (byte === 0 ? 0 : 1));

/** A bfloat16 is the first half of a binary32. */
function widenedBfloat16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] as number) << 16;
  return new Float32Array(bits.buffer);
}

/** Widens binary16 to binary32 exactly: exponents from 5 bits (bias 15) to 8 (bias 127), fractions from 10 to 23. */
function widened(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = widenedBits(halves[i] as number);
  return new Float32Array(bits.buffer);
}

function widenedBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A subnormal is normal in binary32: its leading 1 moves to the start of the exponent and is dropped.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ModelError } from "./read/error.js";

/** A field of a protobuf message, as its bytes have it. */
export interface Field {
  readonly number: number;
  readonly wireType: WireType;
  /** The bytes of the value; without the length, if it has one. */
  readonly value: Uint8Array;
}

/**
 * The same message with other values of some fields; every other byte stays, also of unknown fields, and the order.
 *
 * @param replace returns the new value of a field, of the same wire type; undefined or the value itself keep it
 * @returns the bytes themselves if nothing changes
 * @throws ModelError if the bytes are not a message: the protobuf library reads some that are not
 */
export function replaceFields(
  bytes: Uint8Array,
  replace: (field: Field) => Uint8Array | undefined,
): Uint8Array {
  const reader = new BinaryReader(bytes);
  const parts: Uint8Array[] = [];
  let copied = 0;
  while (reader.pos < reader.len) {
    const { number, wireType, start: lengthStart, end } = nextField(reader);
    const hasLength = wireType === WireType.LengthDelimited;
    const start = hasLength ? end - lengthAt(bytes, lengthStart) : lengthStart;
    const value = bytes.subarray(start, end);
    const replacement = replace({ number, wireType, value });
    if (!replacement || replacement === value) continue;
    // A length of the same value keeps its bytes: writers may reserve more of them than it needs.
    const isSameLength = replacement.length === value.length;
    parts.push(bytes.subarray(copied, hasLength && !isSameLength ? lengthStart : start));
    if (hasLength && !isSameLength) parts.push(new BinaryWriter().uint32(replacement.length).finish());
    parts.push(replacement);
    copied = end;
  }
  if (copied === 0) return bytes;
  parts.push(bytes.subarray(copied));
  return concatenate(parts);
}

function nextField(reader: BinaryReader) {
  try {
    const [number, wireType] = reader.tag();
    const start = reader.pos;
    reader.skip(wireType, number);
    return { number, wireType, start, end: reader.pos };
  } catch (error) {
    throw new ModelError(
      `the file is not a valid protobuf: ${error instanceof Error ? error.message : error}`,
    );
  }
}

const lengthAt = (bytes: Uint8Array, position: number): number => {
  const reader = new BinaryReader(bytes);
  reader.pos = position;
  return reader.uint32();
};

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}

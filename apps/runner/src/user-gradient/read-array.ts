import { isSystemError, messageOf, plural } from "@softmax-bench/core";
import {
  type NpyArray,
  type NpyDType,
  NpyError,
  parseNpy,
  parseSafetensors,
  quote,
  SafetensorsError,
  UntypedError,
} from "@softmax-bench/npy";
import { z } from "zod";
import { readRegularFile } from "../fs/read-regular-file.js";
import { UsageError } from "../terminal/errors.js";

/** The most elements that are accepted: 2 GiB of logits in float64. */
export const MAX_ELEMENTS = 2 ** 28;
/** Bytes of a header and that many float64. */
const MAX_BYTES = 2 ** 20 + 8 * MAX_ELEMENTS;

/** Numbers of any type, with a shape. `name` is the array's name and source. */
export interface UserArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number | bigint>;
  /** The type in the file; undefined for inline JSON. */
  readonly dtype: NpyDType | undefined;
  readonly isWhole: boolean;
  /** Rounds an element that counts as a real number. */
  readonly round: (value: number) => number;
}

/** Decisions about numbers whose type their file does not say. */
export interface Reading {
  /** The type of `.npy` elements of 2 bytes without a type; such files are refused by default. */
  readonly untyped?: "bfloat16" | undefined;
  /** The advice where they are refused. */
  readonly onUntyped: string;
  /** Rounds the numbers of inline JSON; none by default. */
  readonly roundJson?: (value: number) => number;
}

const FLOATS: readonly NpyDType[] = ["float16", "bfloat16", "float32", "float64"];

const identity = (value: number): number => value;

/**
 * Reads an array that a flag names: a `.npy` file, a tensor of a `.safetensors` file, or inline JSON.
 * @throws UsageError in one line naming file and problem.
 */
export function readArray(flag: string, value: string, reading: Reading): UserArray {
  if (value.trimStart().startsWith("[")) return parseJson(flag, value, reading);
  const name = `${flag} ${value}`;
  const { shape, data, dtype } = refusedInWords(name, reading, () => readFile(value, reading));
  return { name, shape, data, dtype, isWhole: !FLOATS.includes(dtype), round: identity };
}

const jsonArray = z.union([z.array(z.number()), z.array(z.array(z.number()))]);

function parseJson(flag: string, text: string, { roundJson: round = identity }: Reading): UserArray {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${flag}: not JSON: ${messageOf(error)}`);
  }
  const parsed = jsonArray.safeParse(value);
  if (!parsed.success) throw new UsageError(`${flag}: expected a list of numbers, or of rows of numbers`);
  const rows = parsed.data;
  const [first] = rows;
  const array = { name: flag, dtype: undefined, round };
  if (!Array.isArray(first)) {
    const data = rows as number[];
    return { ...array, shape: [data.length], data, isWhole: data.every(Number.isInteger) };
  }
  const width = first.length;
  const uneven = (rows as number[][]).findIndex((row) => row.length !== width);
  if (uneven >= 0) {
    throw new UsageError(
      `${flag}: row ${uneven} has ${plural((rows[uneven] as number[]).length, "number")}, row 0 has ${width}`,
    );
  }
  return { ...array, shape: [rows.length, width], data: (rows as number[][]).flat(), isWhole: false };
}

/** A `.safetensors` file, and the tensor in it. */
const SAFETENSORS = /^(.*?\.safetensors)(?:#(.*))?$/s;

function readFile(value: string, { untyped }: Reading): NpyArray {
  const [, file, tensor] = SAFETENSORS.exec(value) ?? [];
  if (file !== undefined) return readTensor(readRegularFile(file, MAX_BYTES), tensor);
  return parseNpy(readRegularFile(value, MAX_BYTES), { untyped });
}

const SHOWN_NAMES = 8;

function readTensor(bytes: Uint8Array, name: string | undefined): NpyArray {
  const tensors = parseSafetensors(bytes);
  const names = [...tensors.keys()];
  const chosen = name ?? (names.length === 1 ? names[0] : undefined);
  const tensor = chosen === undefined ? undefined : tensors.get(chosen);
  if (tensor) return tensor.read();
  const expected =
    chosen === undefined ? "#<name> of one of its tensors after the file" : "one of its tensors";
  const shown = [...names.slice(0, SHOWN_NAMES).map(quote), ...(names.length > SHOWN_NAMES ? ["…"] : [])];
  const got = chosen === undefined ? "" : `, got ${quote(chosen)}`;
  throw new SafetensorsError(`expected ${expected}${got}; it has ${shown.join(", ") || "none"}`);
}

/** Runs a reader, whose errors become one line for the user. */
function refusedInWords<T>(name: string, { onUntyped }: Reading, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const problem =
      isSystemError(error) && error.code === "ENOENT" ? "there is no such file" : messageOf(error);
    if (error instanceof UntypedError) throw new UsageError(`${name}: ${problem}; ${onUntyped}`);
    if (error instanceof NpyError || error instanceof SafetensorsError || error instanceof UsageError) {
      throw new UsageError(`${name}: ${problem}`);
    }
    throw new UsageError(
      `${name}: ${problem}; expected a .npy or .safetensors file, or JSON such as '[[1, 2, 3]]'`,
    );
  }
}

/** @throws UsageError if an array has another shape than the expected one */
export function requireShape(
  { name, shape }: Pick<UserArray, "name" | "shape">,
  expected: readonly number[],
  what: string,
): void {
  if (shape.length === expected.length && shape.every((size, axis) => size === expected[axis])) return;
  throw new UsageError(`${name}: expected ${what}, shape [${expected}], got shape [${shape}]`);
}

/** A position as text: `[3, 17]`. */
export function formatPosition(index: number, shape: readonly number[]): string {
  const last = shape.at(-1) ?? 1;
  return shape.length < 2 ? `[${index}]` : `[${Math.floor(index / last)}, ${index % last}]`;
}

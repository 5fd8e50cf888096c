/** Logits that are in the kernel's memory at a time, and as many entries of their gradient: 16 MiB each. */
const ENTRIES_AT_ONCE = 1 << 22;
/** Rows of a tile of the matrix products. */
const TILE_ROWS = 4;
/** With more rows at a time, the products are hardly faster. */
const MOST_ROWS = 64;

/** Rows whose logits are computed at a time: whole tiles. */
export function rowsAtOnce(rows: number, classes: number): number {
  const fitting = Math.floor(ENTRIES_AT_ONCE / classes / TILE_ROWS) * TILE_ROWS;
  return Math.min(rows, MOST_ROWS, Math.max(TILE_ROWS, fitting));
}

export interface LinearShape {
  readonly rows: number;
  readonly classes: number;
  /** Entries of a row of the input, and of the matrix. */
  readonly width: number;
}

/** @throws TypeError, RangeError if the arrays are no `[N, D]`, `[C, D]` and `[N]` */
export function inferLinearShape(input: unknown, matrix: unknown, labels: unknown): LinearShape {
  requireType("input", input, Float32Array);
  requireType("matrix", matrix, Float32Array);
  requireType("labels", labels, Int32Array);
  const rows = labels.length;
  const width = input.length / rows;
  if (rows === 0 || width === 0 || !Number.isInteger(width)) {
    throw new RangeError(
      `input: expected [N, D] with as many rows as labels, ${rows}, got ${input.length} entries`,
    );
  }
  const classes = matrix.length / width;
  if (classes === 0 || !Number.isInteger(classes)) {
    throw new RangeError(
      `matrix: expected [C, D] with rows of ${width} as the input has, got ${matrix.length} entries`,
    );
  }
  return { rows, classes, width };
}

function requireType<Value>(
  name: string,
  value: unknown,
  type: new (...values: never) => Value,
): asserts value is Value {
  if (value instanceof type) return;
  const got = (value as object | undefined)?.constructor?.name ?? String(value);
  throw new TypeError(`${name}: expected an array of type ${type.name}, got ${got}`);
}

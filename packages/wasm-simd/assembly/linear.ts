import { loadSome, plusProduct, splat, storeSome, total } from "./vector";

/**
 * Matrix products of float32, row-major, in tiles that stay in registers: 4 rows by 2 columns, or by 2 vectors. Loops around them keep
 * what a tile reads again in the first-level cache.
 */

/** Columns of a product of rows whose terms are kept in cache while rows go by. */
const COLUMNS: usize = 8;
/** Rows and terms of a sum of rows, likewise. */
const ROWS: usize = 32;
const TERMS: usize = 64;

/** Stores a bᵀ, `[rows, columns]`, for a `[rows, depth]` and b `[columns, depth]`. */
export function multiplyTransposed(a: usize, rows: usize, b: usize, columns: usize, depth: usize, out: usize): void {
  const size = depth * 4;
  for (let first: usize = 0; first < columns; first += COLUMNS) {
    const end = min(columns, first + COLUMNS);
    for (let row: usize = 0; row < rows; row += 4) {
      let column = first;
      if (row + 4 <= rows) {
        for (; column + 2 <= end; column += 2) {
          storeDots(a + row * size, b + column * size, depth, out + (row * columns + column) * 4, columns * 4);
        }
      }
      for (; column < end; column++) {
        for (let one = row; one < min(rows, row + 4); one++) {
          store<f32>(out + (one * columns + column) * 4, dot(a + one * size, b + column * size, depth));
        }
      }
    }
  }
}

/** The products of 4 rows with 2 others. */
function storeDots(a: usize, b: usize, depth: usize, out: usize, stride: usize): void {
  const size = depth * 4;
  let p0 = splat<f32>(0);
  let p1 = p0;
  let p2 = p0;
  let p3 = p0;
  let q0 = p0;
  let q1 = p0;
  let q2 = p0;
  let q3 = p0;
  const end = a + size;
  for (; a < end; a += 16, b += 16) {
    const left = (end - a) / 4;
    const p = loadTerms(b, left);
    const q = loadTerms(b + size, left);
    const x0 = loadTerms(a, left);
    p0 = plusProduct<f32>(p0, x0, p);
    q0 = plusProduct<f32>(q0, x0, q);
    const x1 = loadTerms(a + size, left);
    p1 = plusProduct<f32>(p1, x1, p);
    q1 = plusProduct<f32>(q1, x1, q);
    const x2 = loadTerms(a + 2 * size, left);
    p2 = plusProduct<f32>(p2, x2, p);
    q2 = plusProduct<f32>(q2, x2, q);
    const x3 = loadTerms(a + 3 * size, left);
    p3 = plusProduct<f32>(p3, x3, p);
    q3 = plusProduct<f32>(q3, x3, q);
  }
  storePair(out, p0, q0);
  storePair(out + stride, p1, q1);
  storePair(out + 2 * stride, p2, q2);
  storePair(out + 3 * stride, p3, q3);
}

// @ts-ignore: decorator
@inline
function storePair(out: usize, p: v128, q: v128): void {
  store<f32>(out, <f32>total<f32>(p));
  store<f32>(out, <f32>total<f32>(q), 4);
}

// @ts-ignore: decorator
@inline
function loadTerms(from: usize, left: usize): v128 {
  return left >= 4 ? v128.load(from) : loadSome<f32>(from, left, splat<f32>(0));
}

function dot(a: usize, b: usize, depth: usize): f32 {
  let sum = splat<f32>(0);
  const end = a + depth * 4;
  for (; a < end; a += 16, b += 16) {
    const left = (end - a) / 4;
    sum = plusProduct<f32>(sum, loadTerms(a, left), loadTerms(b, left));
  }
  return <f32>total<f32>(sum);
}

/**
 * Adds Σ_k a(i, k) b[k] to each row i of `out`, `[rows, width]`, for b `[terms, width]`. a(i, k) is `ofRow` bytes from a(i − 1, k), and
 * `ofTerm` bytes from a(i, k − 1).
 */
export function addProduct(
  a: usize,
  ofRow: usize,
  ofTerm: usize,
  rows: usize,
  terms: usize,
  b: usize,
  out: usize,
  width: usize,
): void {
  const size = width * 4;
  for (let firstRow: usize = 0; firstRow < rows; firstRow += ROWS) {
    const endRow = min(rows, firstRow + ROWS);
    for (let first: usize = 0; first < terms; first += TERMS) {
      const count = min(TERMS, terms - first);
      for (let at: usize = 0; at < width; at += 8) {
        const left = width - at;
        for (let row = firstRow; row < endRow; row += 4) {
          const factors = a + row * ofRow + first * ofTerm;
          const from = b + first * size + at * 4;
          const to = out + row * size + at * 4;
          if (left >= 8 && row + 4 <= endRow) addToTile(factors, ofRow, ofTerm, count, from, to, size);
          else {
            for (let one: usize = 0; one < min<usize>(4, endRow - row); one++) {
              addToRow(factors + one * ofRow, ofTerm, count, from, to + one * size, size, min<usize>(4, left));
              if (left <= 4) continue;
              addToRow(factors + one * ofRow, ofTerm, count, from + 16, to + one * size + 16, size, min<usize>(4, left - 4));
            }
          }
        }
      }
    }
  }
}

/** Adds to 8 columns of 4 rows. */
function addToTile(a: usize, ofRow: usize, ofTerm: usize, terms: usize, b: usize, out: usize, size: usize): void {
  let p0 = v128.load(out);
  let q0 = v128.load(out, 16);
  let p1 = v128.load(out + size);
  let q1 = v128.load(out + size, 16);
  let p2 = v128.load(out + 2 * size);
  let q2 = v128.load(out + 2 * size, 16);
  let p3 = v128.load(out + 3 * size);
  let q3 = v128.load(out + 3 * size, 16);
  for (; terms > 0; terms--, a += ofTerm, b += size) {
    const p = v128.load(b);
    const q = v128.load(b, 16);
    const x0 = v128.load32_splat(a);
    p0 = plusProduct<f32>(p0, x0, p);
    q0 = plusProduct<f32>(q0, x0, q);
    const x1 = v128.load32_splat(a + ofRow);
    p1 = plusProduct<f32>(p1, x1, p);
    q1 = plusProduct<f32>(q1, x1, q);
    const x2 = v128.load32_splat(a + 2 * ofRow);
    p2 = plusProduct<f32>(p2, x2, p);
    q2 = plusProduct<f32>(q2, x2, q);
    const x3 = v128.load32_splat(a + 3 * ofRow);
    p3 = plusProduct<f32>(p3, x3, p);
    q3 = plusProduct<f32>(q3, x3, q);
  }
  v128.store(out, p0);
  v128.store(out, q0, 16);
  v128.store(out + size, p1);
  v128.store(out + size, q1, 16);
  v128.store(out + 2 * size, p2);
  v128.store(out + 2 * size, q2, 16);
  v128.store(out + 3 * size, p3);
  v128.store(out + 3 * size, q3, 16);
}

/** Adds to the first `columns` ≤ 4 of a row. */
function addToRow(a: usize, ofTerm: usize, terms: usize, b: usize, out: usize, size: usize, columns: usize): void {
  let sum = loadTerms(out, columns);
  for (; terms > 0; terms--, a += ofTerm, b += size) {
    sum = plusProduct<f32>(sum, v128.load32_splat(a), loadTerms(b, columns));
  }
  storeSome<f32>(out, columns, sum);
}

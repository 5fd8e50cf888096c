/** Every shape of some rows and classes, small ones first, up to the largest that is worth measuring. */
export interface Shape {
  readonly rows: number;
  readonly classes: number;
}

export const DEFAULT_ROWS = [1, 16, 256, 4096, 65_536];
export const DEFAULT_CLASSES = [2, 16, 128, 1024, 8192, 65_536, 262_144];

/** Elements of the largest shape: 256 MiB of float32. */
export const MOST_ELEMENTS = 2 ** 26;

export const elementsOf = ({ rows, classes }: Shape): number => rows * classes;

export const shapeGrid = (rows: readonly number[], classes: readonly number[]): Shape[] =>
  rows
    .flatMap((n) => classes.map((c) => ({ rows: n, classes: c })))
    .filter((shape) => elementsOf(shape) <= MOST_ELEMENTS)
    .toSorted((a, b) => elementsOf(a) - elementsOf(b) || a.rows - b.rows);

/** Powers of two up to a number of cores, and the number: thread counts worth trying. */
export function threadCounts(cores: number): number[] {
  const counts: number[] = [];
  for (let threads = 1; threads < cores; threads *= 2) counts.push(threads);
  return [...counts, cores];
}

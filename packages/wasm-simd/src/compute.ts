import type { KernelExports } from "./module.js";
import { platform } from "./platform/index.js";
import type { Team } from "./team.js";
import { awaitChunk, awaitWorkers } from "./wait.js";

/** Entries that a thread takes at a time: about 10 µs. */
const CHUNK = 16384;
/** Chunks for each thread, of rows that pass through: one being computed, one being copied. */
const SLOTS_PER_THREAD = 2;
/** The number of entries below which waking another thread takes longer than its part of the work. */
const ENTRIES_PER_THREAD = 1 << 15;

/** The division of a problem's rows. */
export interface Division {
  readonly rows: number;
  readonly classes: number;
  readonly threads: number;
  /** True if the threads compute each row together; see `assembly/split.ts`. */
  readonly isSplit: boolean;
  /** Rows that a thread takes at a time. */
  readonly chunk: number;
  /** Chunks that are in the kernel's memory at a time, if rows pass through it. */
  readonly slots: number;
  /** Rows that are in the kernel's memory at a time, if they pass through it. */
  readonly rowsHere: number;
}

/** @param canSplit true if rows may be split, which they are if they are long and fewer than the threads */
export function divide(rows: number, classes: number, threads: number, canSplit: boolean): Division {
  const together = canSplit ? Math.min(threads, Math.floor(classes / ENTRIES_PER_THREAD)) : 0;
  if (together > rows) {
    return { rows, classes, threads: together, isSplit: true, chunk: 1, slots: 1, rowsHere: 1 };
  }
  const useful = Math.min(threads, rows, Math.floor((rows * classes) / ENTRIES_PER_THREAD));
  const [own, chunk] = [Math.max(1, useful), Math.max(1, Math.floor(CHUNK / classes))];
  const slots = Math.min(Math.ceil(rows / chunk), SLOTS_PER_THREAD * own);
  const rowsHere = Math.min(rows, slots * chunk);
  return { rows, classes, threads: own, isSplit: false, chunk, slots, rowsHere };
}

/** Rows of the caller's matrix, on their way through the kernel's memory: a chunk per slot. */
export interface RowCopy {
  readonly direction: "in" | "out";
  /** `[rows, classes]`. */
  readonly host: Uint8Array;
  /** `[rowsHere, classes]`. */
  readonly window: Uint8Array;
  readonly rowBytes: number;
}

/**
 * Computes the described problem and returns when all is done. If rows pass through, this thread copies them, since no
 * other can, while the others compute. It computes when there is nothing to copy.
 *
 * @throws Error if a thread ends meanwhile
 */
export function compute(
  kernel: KernelExports,
  team: Team,
  division: Division,
  copies: readonly RowCopy[] = [],
): void {
  const { rows, threads, isSplit } = division;
  if (isSplit) computeSplit(kernel, team, division, copies);
  else if (copies.length === 0) computeItems(kernel, team, rows, threads);
  else runJob(kernel, team, threads, () => computeWhileCopying(kernel, team, division, copies));
}

/** Lets the threads take part in a job while `work` runs, which publishes items and computes until all are taken. */
function runJob(kernel: KernelExports, team: Team, threads: number, work: () => void): void {
  kernel.openJob();
  try {
    work();
  } finally {
    // In any case: the job's memory is not used afterwards.
    kernel.closeJob(threads);
    awaitWorkers(kernel, team, threads);
  }
}

/** Computes rows that are in the kernel's memory, or blocks of a row. */
function computeItems(kernel: KernelExports, team: Team, items: number, threads: number): void {
  runJob(kernel, team, threads, () => {
    kernel.publishRows(items, threads);
    while (kernel.computeChunk());
  });
}

/** Computes one row after the other, each by all threads, part by part. */
function computeSplit(
  kernel: KernelExports,
  team: Team,
  { rows, threads }: Division,
  copies: readonly RowCopy[],
): void {
  for (let row = 0; row < rows; row++) {
    copyRows(copies, "in", row, row + 1, 0);
    for (let blocks = kernel.beginSplit(row); blocks > 0; blocks = kernel.endPart()) {
      computeItems(kernel, team, blocks, threads);
    }
    copyRows(copies, "out", row, row + 1, 0);
  }
}

function computeWhileCopying(
  kernel: KernelExports,
  team: Team,
  { rows, threads, chunk, slots }: Division,
  copies: readonly RowCopy[],
): void {
  const pass = (direction: RowCopy["direction"], index: number): void => {
    const first = index * chunk;
    copyRows(copies, direction, first, Math.min(rows, first + chunk), (index % slots) * chunk);
  };
  const chunks = Math.ceil(rows / chunk);
  let published = 0;
  for (let finished = 0; finished < chunks; ) {
    if (published < chunks && published - finished < slots) {
      pass("in", published++);
      kernel.publishRows(Math.min(rows, published * chunk), threads);
    } else if (kernel.isChunkDone(finished)) pass("out", finished++);
    else if (!kernel.computeChunk()) awaitChunk(kernel, team, finished);
  }
}

/** Copies the rows from `first` to `end` into the window, or out of it. @param at the first one's place in the window */
function copyRows(
  copies: readonly RowCopy[],
  direction: RowCopy["direction"],
  first: number,
  end: number,
  at: number,
): void {
  for (const { direction: own, host, window, rowBytes } of copies) {
    if (own !== direction) continue;
    const [from, to, place] = [first * rowBytes, end * rowBytes, at * rowBytes];
    if (own === "in") platform.copy(host.subarray(from, to), window, place);
    else platform.copy(window.subarray(place, place + to - from), host, from);
  }
}

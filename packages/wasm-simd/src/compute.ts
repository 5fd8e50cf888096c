import { copy } from "#platform";
import type { KernelExports } from "./module.js";
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
  /** Rows that a thread takes at a time. */
  readonly chunk: number;
  /** Chunks that are in the kernel's memory at a time, if rows pass through it. */
  readonly slots: number;
}

export function divide(rows: number, classes: number, threads: number): Division {
  const useful = Math.min(threads, rows, Math.floor((rows * classes) / ENTRIES_PER_THREAD));
  const [own, chunk] = [Math.max(1, useful), Math.max(1, Math.floor(CHUNK / classes))];
  const slots = Math.min(Math.ceil(rows / chunk), SLOTS_PER_THREAD * own);
  return { rows, classes, threads: own, chunk, slots };
}

/** Rows of the caller's matrix, on their way through the kernel's memory: a chunk per slot. */
export interface RowCopy {
  readonly direction: "in" | "out";
  /** `[rows, classes]`. */
  readonly host: Uint8Array;
  /** `[slots · chunk, classes]`, or all rows if they are fewer. */
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
  const { rows, threads } = division;
  kernel.openJob();
  try {
    if (copies.length > 0) computeWhileCopying(kernel, team, division, copies);
    else {
      kernel.publishRows(rows, threads);
      while (kernel.computeChunk());
    }
  } finally {
    // In any case: the job's memory is not used afterwards.
    kernel.closeJob(threads);
    awaitWorkers(kernel, team, threads);
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
    const end = Math.min(rows, first + chunk);
    const slot = (index % slots) * chunk;
    for (const { direction: own, host, window, rowBytes } of copies) {
      const [from, to, at] = [first * rowBytes, end * rowBytes, slot * rowBytes];
      if (own !== direction) continue;
      if (own === "in") copy(host.subarray(from, to), window, at);
      else copy(window.subarray(at, at + to - from), host, from);
    }
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

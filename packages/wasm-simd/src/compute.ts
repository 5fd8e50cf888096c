import { copy } from "./copy.js";
import type { KernelExports } from "./module.js";
import { awaitDone, awaitIdle } from "./states.js";

/** Entries that a thread takes at a time: some 10 µs. */
const CHUNK = 16384;
/** Chunks for each thread, of rows that pass through: one that it computes, one that is copied. */
const SLOTS_PER_THREAD = 2;
/** Entries below which waking another thread takes longer than doing its part. */
const ENTRIES_PER_THREAD = 1 << 15;

/** How the rows of a problem are divided. */
export interface Division {
  readonly rows: number;
  readonly classes: number;
  readonly threads: number;
  /** Rows that a thread takes at a time. */
  readonly chunk: number;
  /** Chunks that are in the kernel's memory at a time, where rows pass through it. */
  readonly slots: number;
}

export function divide(rows: number, classes: number, threads: number): Division {
  const useful = Math.min(threads, rows, Math.floor((rows * classes) / ENTRIES_PER_THREAD));
  const [own, chunk] = [Math.max(1, useful), Math.max(1, Math.floor(CHUNK / classes))];
  const slots = Math.min(Math.ceil(rows / chunk), SLOTS_PER_THREAD * own);
  return { rows, classes, threads: own, chunk, slots };
}

/** Rows of a matrix of the caller's, on their way through the kernel's memory: a chunk to a slot. */
export interface Passage {
  readonly direction: "in" | "out";
  /** `[rows, classes]`. */
  readonly host: Buffer;
  /** `[slots · chunk, classes]`, or all rows if they are fewer. */
  readonly window: Buffer;
  readonly rowBytes: number;
}

/**
 * Computes what was described; returns when all is done. Where rows pass through, this thread copies them – no other can –
 * while the others compute, and computes when there is nothing to copy.
 */
export function compute(
  kernel: KernelExports,
  memory: WebAssembly.Memory,
  division: Division,
  passages: readonly Passage[] = [],
): void {
  const { rows, threads } = division;
  kernel.begin();
  try {
    if (passages.length > 0) computeWhileCopying(kernel, memory, division, passages);
    else {
      kernel.offer(rows, threads);
      while (kernel.work());
    }
  } finally {
    // Whatever happens: nobody uses the job's memory afterwards.
    kernel.withdraw(threads);
    awaitIdle(kernel, memory, threads);
  }
}

function computeWhileCopying(
  kernel: KernelExports,
  memory: WebAssembly.Memory,
  { rows, threads, chunk, slots }: Division,
  passages: readonly Passage[],
): void {
  const pass = (direction: Passage["direction"], index: number): void => {
    const first = index * chunk;
    const end = Math.min(rows, first + chunk);
    const slot = (index % slots) * chunk;
    for (const { direction: own, host, window, rowBytes } of passages) {
      const [from, to, at] = [first * rowBytes, end * rowBytes, slot * rowBytes];
      if (own !== direction) continue;
      if (own === "in") copy(host.subarray(from, to), window, at);
      else copy(window.subarray(at, at + to - from), host, from);
    }
  };
  const chunks = Math.ceil(rows / chunk);
  let arrived = 0;
  for (let left = 0; left < chunks; ) {
    if (arrived < chunks && arrived - left < slots) {
      pass("in", arrived++);
      kernel.offer(Math.min(rows, arrived * chunk), threads);
    } else if (kernel.isDone(left)) pass("out", left++);
    else if (!kernel.work()) awaitDone(kernel, memory, left);
  }
}

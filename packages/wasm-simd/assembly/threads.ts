import { job } from "./job";
import { row } from "./row";

/**
 * Threads over one memory: the thread that asks takes part, and the others sleep until it wakes them. Rows are taken a chunk
 * at a time, so that a thread which is held up holds up nobody else. A result does not depend on who computes it.
 */

/** Words of 32 bits, each in a cache line of its own. */
const LINE: usize = 64;
const nextRow: usize = memory.data(64, 64);
const working: usize = memory.data(64, 64);
/** One for each of at most 64 threads; grows by 1 to wake it. */
const calls: usize = memory.data(4096, 64);

/** How often a thread looks before it goes to sleep: some 30 µs, about what being woken takes. */
const LOOKS = 20_000;

/** Computes the job with this thread and `threads` − 1 others; returns when all is done. */
export function compute(threads: i32): void {
  atomic.store<i32>(nextRow, 0);
  atomic.store<i32>(working, threads - 1);
  for (let thread = 1; thread < threads; thread++) wake(thread);
  takeRows(0);
  awaitZero(working);
}

/** Serves as a thread from 1 on, until it is woken for `stop`. */
export function serve(thread: i32): void {
  const call = calls + <usize>thread * LINE;
  for (let served = 0; ; served++) {
    awaitChange(call, served);
    if (atomic.load<i32>(working) < 0) return;
    takeRows(thread);
    if (atomic.sub<i32>(working, 1) == 1) atomic.notify(working, 1);
  }
}

/** Ends all threads from 1 to `threads` − 1. */
export function stop(threads: i32): void {
  atomic.store<i32>(working, -1);
  for (let thread = 1; thread < threads; thread++) wake(thread);
}

function wake(thread: i32): void {
  const call = calls + <usize>thread * LINE;
  atomic.add<i32>(call, 1);
  atomic.notify(call, 1);
}

function takeRows(thread: i32): void {
  const scratch = job.scratch + <usize>thread * job.scratchSize;
  const chunk = job.chunk;
  for (;;) {
    const first = <usize>atomic.add<i32>(nextRow, <i32>chunk);
    if (first >= job.rows) return;
    const end = min(job.rows, first + chunk);
    for (let index = first; index < end; index++) {
      if (job.double) row<f64>(index, scratch);
      else row<f32>(index, scratch);
    }
  }
}

/** Returns when the word is no longer `value`. */
function awaitChange(word: usize, value: i32): void {
  for (let look = 0; look < LOOKS; look++) if (atomic.load<i32>(word) != value) return;
  while (atomic.load<i32>(word) == value) atomic.wait<i32>(word, value, -1);
}

/** Returns when the word is 0. */
function awaitZero(word: usize): void {
  for (;;) {
    const value = atomic.load<i32>(word);
    if (value == 0) return;
    awaitChange(word, value);
  }
}

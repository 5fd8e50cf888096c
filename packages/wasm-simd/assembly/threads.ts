import { job } from "./job";
import { row } from "./row";

/**
 * Threads over one memory: the thread that asks takes part, and the others sleep until it wakes them. Rows are taken a chunk
 * at a time, so that a thread which is held up holds up nobody else. A result does not depend on who computes it.
 *
 * Sleeping is left to JavaScript's Atomics.wait: after `memory.atomic.wait32` in here, V8 11 to 13 (Node 20 to 24) were seen to
 * go on with local variables that had become 0.
 */

/** Words of 32 bits, each in a cache line of its own. */
const LINE: usize = 64;
const nextRow: usize = memory.data(64, 64);
/** What each of at most 64 threads is about. */
const states: usize = memory.data(4096, 64);
/** As in `src/states.ts`. */
const IDLE = 0;
const CALLED = 1;
const RUNNING = 2;
const STOPPED = 3;

/**
 * How often a thread looks before it goes to sleep: for some 200 µs. Being woken takes some 50, and between two calls lie the
 * copies in and out.
 */
const LOOKS = 150_000;

/**
 * Computes the job with this thread and those of `threads` − 1 others that come in time. When it returns, all rows are taken;
 * `isRunning` says who is still at work on some.
 */
export function compute(threads: i32): void {
  atomic.store<i32>(nextRow, 0);
  for (let thread = 1; thread < threads; thread++) tell(thread, CALLED);
  takeRows(0);
  // Who has not come yet – the processor may be busy – need not come any more.
  for (let thread = 1; thread < threads; thread++) atomic.cmpxchg<i32>(stateOf(thread), CALLED, IDLE);
}

/** Whether a thread is still at work after some 200 µs; then its word is `RUNNING`. */
export function isRunning(thread: i32): bool {
  return !changes(stateOf(thread), RUNNING);
}

/**
 * Serves as a thread from 1 on: takes part whenever it is called. Returns false if it was idle for some 200 µs – its word
 * being `IDLE` –, true if it was stopped.
 */
export function serve(thread: i32): bool {
  const state = stateOf(thread);
  while (changes(state, IDLE)) {
    const found = atomic.cmpxchg<i32>(state, CALLED, RUNNING);
    if (found == STOPPED) return true;
    if (found != CALLED) continue;
    takeRows(thread);
    tell(thread, IDLE);
  }
  return false;
}

/** Ends all threads from 1 to `threads` − 1. */
export function stop(threads: i32): void {
  for (let thread = 1; thread < threads; thread++) tell(thread, STOPPED);
}

/** Where a thread's word is. */
export function stateOf(thread: i32): usize {
  return states + <usize>thread * LINE;
}

function tell(thread: i32, state: i32): void {
  atomic.store<i32>(stateOf(thread), state);
  atomic.notify(stateOf(thread), 1);
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

/** Whether the word becomes another one than `value` while it is looked at. */
function changes(word: usize, value: i32): bool {
  for (let look = 0; look < LOOKS; look++) if (atomic.load<i32>(word) != value) return true;
  return false;
}

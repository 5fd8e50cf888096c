import { job } from "./job";
import { row } from "./row";

/**
 * Threads over one memory: the thread that asks takes part, and the others sleep until it wakes them. Rows are taken a chunk
 * at a time, so that a thread which is held up holds up nobody else. A result does not depend on who computes it. Rows may
 * still be arriving while others are computed: the thread that asks copies them.
 *
 * Sleeping is left to JavaScript's Atomics.wait: after `memory.atomic.wait32` in here, V8 11 to 13 (Node 20 to 24) were seen to
 * go on with local variables that had become 0.
 */

/** Words of 32 bits, each in a cache line of its own. */
const LINE: usize = 64;
const nextRow: usize = memory.data(64, 64);
/** Rows that have arrived. */
const arrived: usize = memory.data(64, 64);
/** What each of at most 64 threads is about. */
const states: usize = memory.data(4096, 64);
/** As in `src/states.ts`. */
const IDLE = 0;
const CALLED = 1;
const RUNNING = 2;
const STOPPED = 3;

/**
 * How often a thread looks before it goes to sleep: for 100 to 200 µs. Being woken takes some 50, and between two calls may lie
 * copies.
 */
const LOOKS = 150_000;

/** No row of the job has arrived yet, and none is taken. The job is described by now. */
export function begin(): void {
  memory.fill(job.done, 0, job.slots * 4);
  atomic.store<usize>(arrived, 0);
  atomic.store<usize>(nextRow, 0);
}

/** The first `rows` rows have arrived: calls the threads 1 to `threads` − 1, as far as they are idle. */
export function offer(rows: usize, threads: i32): void {
  atomic.store<usize>(arrived, rows);
  for (let thread = 1; thread < threads; thread++) {
    const state = stateOf(thread);
    if (atomic.cmpxchg<i32>(state, IDLE, CALLED) == IDLE) atomic.notify(state, 1);
  }
}

/** Computes one chunk with this thread; false if all that has arrived is taken. */
export function work(): bool {
  return takeChunk(job.scratch);
}

/** Whether a chunk is done: one of the latest `job.slots`. */
export function isDone(chunk: i32): bool {
  return atomic.load<i32>(doneOf(chunk)) == chunk + 1;
}

/** Whether it is, after 200 µs at the latest. If not, its word will be notified. */
export function becomesDone(chunk: i32): bool {
  for (let look = 0; look < LOOKS; look++) if (isDone(chunk)) return true;
  return false;
}

/** Once all rows are taken: who has not come yet – the processor may be busy – need not come any more. */
export function withdraw(threads: i32): void {
  for (let thread = 1; thread < threads; thread++) atomic.cmpxchg<i32>(stateOf(thread), CALLED, IDLE);
}

/** Whether a thread is still at work after 200 µs; then its word is `RUNNING`. */
export function isRunning(thread: i32): bool {
  return !changes(stateOf(thread), RUNNING);
}

/**
 * Serves as a thread from 1 on: takes part whenever it is called. Returns false if it was idle for 200 µs – its word being
 * `IDLE` –, true if it was stopped.
 */
export function serve(thread: i32): bool {
  const state = stateOf(thread);
  while (changes(state, IDLE)) {
    const found = atomic.cmpxchg<i32>(state, CALLED, RUNNING);
    if (found == STOPPED) return true;
    if (found != CALLED) continue;
    do {
      const scratch = job.scratch + <usize>thread * job.scratchSize;
      while (takeChunk(scratch)) {}
      tell(thread, IDLE);
      // What arrived before that did not call.
    } while (hasArrived() && atomic.cmpxchg<i32>(state, IDLE, RUNNING) == IDLE);
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

function takeChunk(scratch: usize): bool {
  const first = firstOfChunk();
  if (first >= job.rows) return false;
  const end = min(job.rows, first + job.chunk);
  for (let index = first; index < end; index++) {
    if (job.double) row<f64>(index, scratch);
    else row<f32>(index, scratch);
  }
  const chunk = <i32>(first / job.chunk);
  const word = doneOf(chunk);
  atomic.store<i32>(word, chunk + 1);
  atomic.notify(word, 1);
  return true;
}

/** Whether rows have arrived that nobody has taken. */
function hasArrived(): bool {
  return atomic.load<usize>(nextRow) < atomic.load<usize>(arrived);
}

/** Takes the next chunk that has arrived; `job.rows` if there is none. */
function firstOfChunk(): usize {
  let next = atomic.load<usize>(nextRow);
  while (next < atomic.load<usize>(arrived)) {
    const found = atomic.cmpxchg<usize>(nextRow, next, next + job.chunk);
    if (found == next) return next;
    next = found;
  }
  return job.rows;
}

/** Where the word is that is n + 1 when chunk n is done. */
export function doneOf(chunk: i32): usize {
  return job.done + (<usize>chunk % job.slots) * 4;
}

/** Whether the word becomes another one than `value` while it is looked at. */
function changes(word: usize, value: i32): bool {
  for (let look = 0; look < LOOKS; look++) if (atomic.load<i32>(word) != value) return true;
  return false;
}

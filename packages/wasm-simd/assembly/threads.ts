import { job } from "./job";
import { computeItems } from "./parts";

/**
 * Threads over one memory: the calling thread, 0, publishes a job and computes with the workers, which sleep until it calls them.
 * Rows are taken a chunk at a time, so that a thread which is held up holds up nobody else. A result does not depend on who
 * computes it. Rows may be published while others are computed: the calling thread copies them. Where a row is split, its parts are
 * jobs one after the other, and what is called a row here is a block of it.
 *
 * Each worker has a word with its state, and every change of it is a compare-and-swap:
 *
 *     IDLE     → CALLED    by the caller: rows are published
 *     CALLED   → RUNNING   by the worker: it joins the job
 *     CALLED   → IDLE      by the caller: the job is closed, and the worker has not joined
 *     RUNNING  → RECALLED  by the caller: more rows are published
 *     RECALLED → RUNNING   by the worker: it looks for rows again
 *     RUNNING  → IDLE      by the worker: there was no row left
 *     any      → STOPPED   by the caller
 *
 * Why no worker takes part in a job that did not call it:
 * - A worker reads the job, and writes to its memory, only while it is RUNNING or RECALLED.
 * - It gets there only from CALLED, and then takes part in the job that is open at that moment. It remembers nothing of earlier
 *   jobs, wherever it was held up, and so needs no number to tell jobs apart.
 * - Only an open job calls, and only the threads that it has scratch for. When it is closed none of them is CALLED, and the caller
 *   waits until each is IDLE before it uses the job's memory for anything else.
 * - So every worker is IDLE between two jobs, and leaves IDLE only when it is called.
 *
 * Why no row is missed: a worker that found no row becomes IDLE only from RUNNING. Rows published before that have made it
 * RECALLED; rows published after that call it.
 *
 * Sleeping is left to JavaScript's Atomics.wait: after `memory.atomic.wait32` in here, V8 11 to 13 (Node 20 to 24) were seen to
 * go on with local variables that had become 0.
 */

/** Words of 32 bits, each in a cache line of its own. */
const LINE: usize = 64;
const nextRow: usize = memory.data(64, 64);
/** Rows of the job that are published: the first ones. */
const publishedRows: usize = memory.data(64, 64);
/** The states of at most 64 threads. */
const states: usize = memory.data(4096, 64);
/** As in `src/platform/platform.ts`. */
const IDLE = 0;
const CALLED = 1;
const RUNNING = 2;
const RECALLED = 3;
const STOPPED = 4;

/**
 * How often a thread looks before it goes to sleep: for 100 to 200 µs. Waking up takes some 50, and there may be copies between
 * two calls.
 */
const LOOKS = 150_000;

/** Opens the job that is described: none of its rows is published yet. */
export function openJob(): void {
  memory.fill(job.done, 0, job.slots * 4);
  atomic.store<usize>(publishedRows, 0);
  atomic.store<usize>(nextRow, 0);
}

/** Publishes the first `rows` rows of the open job, and calls the workers 1 to `threads` − 1. */
export function publishRows(rows: usize, threads: i32): void {
  atomic.store<usize>(publishedRows, rows);
  for (let thread = 1; thread < threads; thread++) call(stateWord(thread));
}

/** Closes the job once all rows are taken: workers that have not joined – the processor may be busy – no longer can. */
export function closeJob(threads: i32): void {
  for (let thread = 1; thread < threads; thread++) changeState(stateWord(thread), CALLED, IDLE);
}

/** Computes one chunk on the calling thread; false if all published rows are taken. */
export function computeChunk(): bool {
  return takeChunk(job.scratch);
}

/** True if a chunk is done: one of the latest `job.slots`. */
export function isChunkDone(chunk: i32): bool {
  return atomic.load<i32>(chunkWord(chunk)) == chunk + 1;
}

/** Waits 200 µs at most for a chunk, and returns whether it is done. If it is not, its word will be notified. */
export function spinUntilChunkDone(chunk: i32): bool {
  for (let look = 0; look < LOOKS; look++) if (isChunkDone(chunk)) return true;
  return false;
}

/** True if a worker takes part in the job. */
export function isAtWork(thread: i32): bool {
  const state = atomic.load<i32>(stateWord(thread));
  return state == RUNNING || state == RECALLED;
}

/** Waits 200 µs at most for a worker to leave, and returns whether it is still at work. If it is, its word will be notified. */
export function spinWhileAtWork(thread: i32): bool {
  for (let look = 0; look < LOOKS; look++) if (!isAtWork(thread)) return false;
  return true;
}

/** Serves as a worker. Returns true if it was stopped, false if it has been IDLE for 200 µs. */
export function serve(thread: i32): bool {
  const state = stateWord(thread);
  while (spinWhileIdle(state)) {
    if (changeState(state, CALLED, RUNNING)) {
      const scratch = job.scratch + <usize>thread * job.scratchSize;
      do {
        while (takeChunk(scratch)) {}
      } while (!leave(state));
    }
    if (atomic.load<i32>(state) == STOPPED) return true;
  }
  return false;
}

/** Stops the workers 1 to `threads` − 1. */
export function stop(threads: i32): void {
  for (let thread = 1; thread < threads; thread++) {
    atomic.store<i32>(stateWord(thread), STOPPED);
    atomic.notify(stateWord(thread), 1);
  }
}

/** The address of a thread's state. */
export function stateWord(thread: i32): usize {
  return states + <usize>thread * LINE;
}

/** The address of the word that is n + 1 when chunk n is done. */
export function chunkWord(chunk: i32): usize {
  return job.done + (<usize>chunk % job.slots) * 4;
}

/** Makes an idle worker CALLED and one at work RECALLED. */
function call(state: usize): void {
  while (true) {
    if (changeState(state, IDLE, CALLED)) {
      atomic.notify(state, 1);
      return;
    }
    // It may have become IDLE just now.
    if (atomic.cmpxchg<i32>(state, RUNNING, RECALLED) != IDLE) return;
  }
}

/** Makes a running worker IDLE; false if it is RECALLED and has to look for rows again. */
function leave(state: usize): bool {
  if (!changeState(state, RUNNING, IDLE)) return !changeState(state, RECALLED, RUNNING);
  atomic.notify(state, 1);
  return true;
}

function changeState(state: usize, from: i32, to: i32): bool {
  return atomic.cmpxchg<i32>(state, from, to) == from;
}

/** Waits 200 µs at most for a worker's state to change, and returns whether it has. */
function spinWhileIdle(state: usize): bool {
  for (let look = 0; look < LOOKS; look++) if (atomic.load<i32>(state) != IDLE) return true;
  return false;
}

function takeChunk(scratch: usize): bool {
  const first = firstOfChunk();
  if (first >= job.items) return false;
  const end = min(job.items, first + job.chunk);
  computeItems(first, end, scratch);
  markChunkDone(<i32>(first / job.chunk));
  return true;
}

function markChunkDone(chunk: i32): void {
  const word = chunkWord(chunk);
  atomic.store<i32>(word, chunk + 1);
  atomic.notify(word, 1);
}

/** Takes the next chunk that is published; `job.items` if there is none. */
function firstOfChunk(): usize {
  let next = atomic.load<usize>(nextRow);
  while (next < atomic.load<usize>(publishedRows)) {
    const found = atomic.cmpxchg<usize>(nextRow, next, next + job.chunk);
    if (found == next) return next;
    next = found;
  }
  return job.items;
}

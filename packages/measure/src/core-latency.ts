/**
 * The time in which a value goes from one processor core to another one and back. Cores that share a cache exchange it
 * in tens of nanoseconds, others in hundreds. A hypervisor moves the cores of a virtual machine, so that they are near
 * each other for some seconds, and then far apart: threads that work on the same data then take up to 2.3 times as long,
 * although each of them computes as fast as before. Neither load nor throughput shows that. Such exchanges do.
 */

/**
 * One side of a series of exchanges, in WebAssembly, for the reason that is given in `core-throughput.ts`. It waits for a number in
 * the shared memory, and answers with the next one. Returns 1, or 0 if it has looked in vain for too long.
 *
 * ```wat
 * (module (import "core" "memory" (memory 1 1 shared))
 *   (func (export "play") (param $at i32) (param $awaited i32) (param $turns i32) (param $patience i32) (result i32)
 *     (local $tries i32)
 *     (loop $turn
 *       (local.set $tries (local.get $patience))
 *       (block $arrived
 *         (loop $look
 *           (br_if $arrived (i32.eq (i32.atomic.load (local.get $at)) (local.get $awaited)))
 *           (br_if $look (local.tee $tries (i32.sub (local.get $tries) (i32.const 1)))))
 *         (return (i32.const 0)))
 *       (i32.atomic.store (local.get $at) (i32.add (local.get $awaited) (i32.const 1)))
 *       (local.set $awaited (i32.add (local.get $awaited) (i32.const 2)))
 *       (br_if $turn (local.tee $turns (i32.sub (local.get $turns) (i32.const 1)))))
 *     (i32.const 1)))
 * ```
 */
const CODE =
  "AGFzbQEAAAABCQFgBH9/f38BfwIRAQRjb3JlBm1lbW9yeQIDAQEDAgEABwgBBHBsYXkAAApHAUUBAX8DQCADIQQCQANAIAD+EAIAIAFGDQEgBEEBayIEDQALQQAPCyAAIAFBAWr+FwIAIAFBAmohASACQQFrIgINAAtBAQs=";

/** A `WebAssembly.Memory` that threads share; the type is not known everywhere. */
export interface SharedMemory {
  readonly buffer: ArrayBufferLike;
}

type Play = (at: number, awaited: number, turns: number, patience: number) => number;

/** Exchanges of a series, and series of a probe: the fastest series counts, since an interruption is no distance. */
const TURNS = 64;
const SERIES = 8;
const ALL_TURNS = 2 + TURNS * SERIES;

/**
 * How often to look at the memory, half a nanosecond or so each time, before the other thread counts as not running: more
 * often for the first exchange.
 */
const PATIENCE = 2 ** 18;
const FIRST_PATIENCE = 2 ** 21;

/** Bytes between the numbers of two threads: processors fetch pairs of cache lines. */
const STRIDE = 128;

/** Exchanges between one thread and as many others as there are places in a page of memory, with each by itself. */
export class CoreLatency {
  readonly #play: Play;
  readonly #numbers: Int32Array;

  /** @param memory `CoreLatency.share()`, the same for all threads */
  constructor(memory: SharedMemory) {
    const bytes = Uint8Array.from(atob(CODE), (character) => character.charCodeAt(0));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      core: { memory: memory as WebAssembly.Memory },
    });
    this.#play = exports.play as Play;
    this.#numbers = new Int32Array(memory.buffer);
  }

  static share(): SharedMemory {
    return new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  }

  /** Prepares a probe. @param probe its number, which both threads know: numbers of an earlier one are not awaited */
  prepare(thread: number, probe: number): void {
    Atomics.store(this.#numbers, (thread * STRIDE) / 4, firstNumber(probe));
  }

  /**
   * Returns the nanoseconds of an exchange, there and back; undefined if the thread does not answer. It waits for the thread
   * without going to sleep, since it would be too late when it is woken.
   */
  time(thread: number, probe: number, now: () => number): number | undefined {
    let fastest: number | undefined;
    const first = firstNumber(probe);
    const at = thread * STRIDE;
    if (this.#play(at, first, 2, FIRST_PATIENCE) === 0) return undefined;
    for (let series = 0; series < SERIES; series++) {
      const start = now();
      if (this.#play(at, first + 4 + 2 * TURNS * series, TURNS, PATIENCE) === 0) break;
      fastest = Math.min(fastest ?? Number.POSITIVE_INFINITY, (now() - start) / TURNS);
    }
    return fastest;
  }

  /** The other thread's part. */
  answer(thread: number, probe: number): void {
    const at = thread * STRIDE;
    const awaited = firstNumber(probe) + 1;
    // Who comes too late finds the first number there, and nobody who plays on.
    if (this.#play(at, awaited, 1, FIRST_PATIENCE) === 1)
      this.#play(at, awaited + 2, ALL_TURNS - 1, PATIENCE);
  }
}

/** Numbers of different probes differ, until they overflow. */
const firstNumber = (probe: number): number => (probe * 2 * ALL_TURNS) | 0;

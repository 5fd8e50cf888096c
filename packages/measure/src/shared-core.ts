import type { OtherCores, Platform } from "./platform.js";

/**
 * The share of a processor core that a thread gets. On a virtual machine the other hardware thread of a core belongs to
 * somebody else: when it computes, code that loads, computes and stores takes up to twice as long here, for tenths of a
 * second to many seconds. Neither the load average nor the stolen time shows that. A fixed piece of such code does.
 */

/**
 * That code, in WebAssembly: passes of x = x / 2 + 1 over 4,096 float32 values, which any first-level cache holds. As
 * JavaScript its speed would depend on the state of the engine: once a memory of WebAssembly has grown, V8 compiles
 * every access to a typed array with one check more, and the same loop takes 1.75 times as long.
 *
 * ```wat
 * (module (memory 1) (func (export "run") (param $passes i32) (local $at i32)
 *   (loop $pass
 *     (local.set $at (i32.const 16384))
 *     (loop $element
 *       (f32.store (local.get $at) (f32.add (f32.mul (f32.load (local.get $at)) (f32.const 0.5)) (f32.const 1)))
 *       (br_if $element (local.tee $at (i32.sub (local.get $at) (i32.const 4)))))
 *     (br_if $pass (local.tee $passes (i32.sub (local.get $passes) (i32.const 1)))))))
 * ```
 *
 * Every value tends to 2: neither overflow nor subnormal numbers change the time.
 */
const CODE =
  "AGFzbQEAAAABBQFgAX8AAwIBAAUDAQABBwcBA3J1bgAACjoBOAEBfwNAQYCAASEBA0AgASABKgIAQwAAAD+UQwAAgD+SOAIAIAFBBGsiAQ0ACyAAQQFrIgANAAsL";
const PASSES = 80;

/** Runs before the engine has optimised the loop, and some more. */
const WARMUP_RUNS = 100;

/** The shortest of a few counts: an interruption of some microseconds is no neighbour. */
const RUNS = 3;

let runPasses: ((passes: number) => void) | undefined;

function compile(): (passes: number) => void {
  const bytes = Uint8Array.from(atob(CODE), (character) => character.charCodeAt(0));
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  const compiled = run as (passes: number) => void;
  for (let count = 0; count < WARMUP_RUNS; count++) compiled(PASSES);
  return compiled;
}

/** Times the fixed piece of code, about 0.1 ms, in nanoseconds. */
export function probeThroughput(now: () => number): number {
  runPasses ??= compile();
  let fastest = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const start = now();
    runPasses(PASSES);
    fastest = Math.min(fastest, now() - start);
  }
  return fastest;
}

/** Ratio to the time on an undisturbed core up to which a core counts as such; a busy neighbour makes it 1.8. */
const TOLERANCE = 1.3;

/** Tells whether the threads that compute have their cores to themselves, now and then. */
export class ThroughputMonitor {
  readonly #now: () => number;
  readonly #referenceNs: number | undefined;
  readonly #others: OtherCores | undefined;
  #fastestNs = Number.POSITIVE_INFINITY;

  /**
   * @param threads that compute: as many cores are probed, where the platform can, and this thread's core always
   * @param referenceNs time of the probe on an undisturbed core; undefined: the fastest that this monitor sees
   */
  constructor(
    { now, otherCores }: Pick<Platform, "now" | "otherCores">,
    threads: number,
    referenceNs?: number,
  ) {
    this.#now = now;
    this.#referenceNs = referenceNs;
    this.#others = threads > 1 ? otherCores?.(threads - 1) : undefined;
  }

  /** Time of the fastest probe on this thread's core so far, in nanoseconds. */
  get fastestNs(): number {
    return this.#fastestNs;
  }

  isUndisturbed(): boolean {
    this.#others?.start();
    const ownNs = probeThroughput(this.#now);
    const slowestNs = Math.max(ownNs, this.#others?.finish() ?? 0);
    this.#fastestNs = Math.min(this.#fastestNs, ownNs);
    return slowestNs <= TOLERANCE * (this.#referenceNs ?? this.#fastestNs);
  }
}

/** The least share of visits with an undisturbed moment of the core, on a machine that is fit for measuring. */
const UNDISTURBED_SHARE = 0.25;

/**
 * Time of the probe on an undisturbed core, learnt from the fastest probe of each visit. It is separate for each
 * backend, whose own threads may wait for work in a loop, on the other half of the core.
 */
export class ThroughputReference {
  readonly #fastest = new Map<string, number[]>();

  add(backend: string, probeNs: number): void {
    this.#fastest.set(backend, [...(this.#fastest.get(backend) ?? []), probeNs]);
  }

  /**
   * Nanoseconds; undefined for a backend that has not been measured. A low quantile, not the minimum, so that a moment
   * of a higher clock frequency does not make all others look disturbed.
   */
  of(backend: string): number | undefined {
    const sorted = this.#fastest.get(backend)?.toSorted((a, b) => a - b) ?? [];
    return sorted[Math.ceil(UNDISTURBED_SHARE * sorted.length) - 1];
  }
}

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

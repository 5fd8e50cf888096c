import { availableParallelism } from "node:os";
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import { toHalfBits } from "@softmax-bench/graph";
import { SoftmaxKernel } from "@softmax-bench/wasm-simd";

/**
 * Calls of changing shapes, types and options, one right after the other, on more threads than there are processors. Each must
 * have the bits of one thread, and write to no memory but its own. Ends with an error at the first that does not.
 *
 *     node test/stress.mjs [--calls <n>] [--seconds <n>]
 */
const { values } = parseArgs({ options: { calls: { type: "string" }, seconds: { type: "string" } } });
const CALLS = limit("calls");
const END = performance.now() + limit("seconds") * 1000;
const REPORT_EVERY = 100_000;

function limit(option) {
  const value = Number(values[option] ?? Number.POSITIVE_INFINITY);
  if (value > 0) return value;
  throw new RangeError(`--${option}: expected a positive number, got ${values[option]}`);
}

/** So many that each of them is held up now and then, wherever it is. */
const THREADS = Math.min(SoftmaxKernel.MAX_THREADS, 4 * availableParallelism());

/** Rows of some 100 µs: the calling thread goes to sleep before the last one is done, and its waking up delays other threads. */
const LONG = [
  // Split among the threads.
  { rows: 1, classes: 1 << 18 },
  { rows: THREADS, classes: 1 << 18 },
  { rows: 2 * THREADS - 1, classes: 1 << 17 },
];
/** Jobs for one, two and three threads. */
const SHORT = [
  { rows: 3, classes: 5 },
  { rows: 40, classes: 33 },
  { rows: 128, classes: 10 },
  { rows: 8, classes: 1023 },
  { rows: 512, classes: 128 },
  { rows: 65, classes: 1025 },
  { rows: 1000, classes: 100 },
];
const SHORT_PER_LONG = 60;

const single = await SoftmaxKernel.start({ instructions: "simd" });
const team = await SoftmaxKernel.start({ instructions: "simd", threads: THREADS });

const irregular = (length, scale, offset = 0) =>
  Array.from({ length }, (_, index) => (((index * 0.6180339887) % 1) - 0.5) * 2 * scale + offset);

const bytesOf = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength);
const isSame = (a, b) => bytesOf(a).equals(bytesOf(b));

/** Numbers in an array of a dtype, those in half precision truncated. */
function floats(dtype, values) {
  if (dtype === "float64") return Float64Array.from(values);
  const singles = Float32Array.from(values);
  return dtype === "float32" ? singles : toHalfBits(dtype, singles);
}

/** For each option, a call for the gradient and one for the loss; each returns what has other bits than one thread computes. */
function callsFor({ rows, classes }, dtype, inPlace) {
  const own = (host) => {
    if (!inPlace) return host;
    const array = team.allocate(dtype, host.length);
    array.set(host);
    return array;
  };
  const logits = floats(dtype, irregular(rows * classes, 5));
  const labels = Int32Array.from({ length: rows }, (_, row) => (row * 7) % classes);
  const weights = floats(dtype, irregular(classes, 1, 1.25));
  const upstream = floats(dtype, irregular(rows, 1));
  const [x, out] = [own(logits), own(new logits.constructor(logits.length))];
  return [
    {},
    { reduction: "sum", weights, ignoreIndex: 0, labelSmoothing: 0.1 },
    { reduction: "none", upstream, exactTarget: false },
  ].map((given, index) => {
    const options = { ...given, dtype };
    const expected = single.softmaxCrossEntropy(logits, labels, options);
    return {
      title: `${rows} × ${classes} ${dtype}, options ${index}, ${inPlace ? "in place" : "copied"}`,
      gradient() {
        out.fill(-1);
        const { losses } = team.softmaxCrossEntropy(x, labels, { ...options, out });
        if (!isSame(out, expected.gradient)) return "gradient";
        return isSame(losses, expected.losses) ? undefined : "losses";
      },
      loss: () => (isSame(team.loss(x, labels, options).losses, expected.losses) ? undefined : "losses"),
    };
  });
}

/** A small generator, for reproducible sequences (Numerical Recipes, `ranqd1`). */
function randomIntegers(state = 1) {
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
}

const short = SHORT.flatMap((shape) =>
  ["float32", "float64", "float16", "bfloat16"].flatMap((dtype) =>
    [true, false].flatMap((inPlace) => callsFor(shape, dtype, inPlace)),
  ),
);
const long = LONG.flatMap((shape) => callsFor(shape, "float32", true));

// What a short job needs for itself fits before the guard; a thread that does not belong to the job would write to it.
const gap = team.allocate("float32", 24_000);
const guard = team.allocate("int32", THREADS * 5000).fill(7);
const untouched = guard.slice();
team.free(gap);

const random = randomIntegers();
let calls = 0;
/** Makes one of the calls. @throws Error if it is not as one thread would have it */
function callOneOf(candidates, kind) {
  const call = candidates[random(candidates.length)];
  const different = call[kind]();
  calls++;
  if (different)
    throw new Error(`call ${calls}, ${kind} of ${call.title}: other ${different} than of one thread`);
  if (!isSame(guard, untouched)) {
    throw new Error(`call ${calls}, ${kind} of ${call.title}: memory of others was written to`);
  }
}

const report = () => console.log(`${calls} calls on ${THREADS} threads, all as of one`);
for (let reported = 0; calls < CALLS && performance.now() < END; ) {
  callOneOf(long, "loss");
  for (let time = 0; time < SHORT_PER_LONG && calls < CALLS; time++) {
    callOneOf(short, random(2) === 0 ? "gradient" : "loss");
  }
  await setImmediate();
  if (calls - reported >= REPORT_EVERY) {
    report();
    reported = calls;
  }
}
report();
await Promise.all([single.dispose(), team.dispose()]);

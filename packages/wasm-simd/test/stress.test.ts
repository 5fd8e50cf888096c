import { availableParallelism } from "node:os";
import { type FloatArray, type GradientOptions, SoftmaxKernel } from "@softmax-bench/wasm-simd";
import { afterAll, expect, it } from "vitest";

/** `pnpm stress` sets it; without, the test runs for a while. */
const CALLS = Number(process.env.STRESS_CALLS ?? Number.POSITIVE_INFINITY);
const DURATION_MS = process.env.STRESS_CALLS ? Number.POSITIVE_INFINITY : 15_000;

/** More threads than processors, so that each of them is held up now and then, wherever it is. */
const THREADS = Math.min(SoftmaxKernel.MAX_THREADS, 4 * availableParallelism());

interface Shape {
  readonly rows: number;
  readonly classes: number;
}

/** Rows of a millisecond for every thread: the calling thread goes to sleep before the last is done, and its waking delays others. */
const LONG: readonly Shape[] = [
  { rows: THREADS, classes: 1 << 18 },
  { rows: 2 * THREADS - 1, classes: 1 << 17 },
];
/** Jobs for one, two and three threads. */
const SHORT: readonly Shape[] = [
  { rows: 3, classes: 5 },
  { rows: 40, classes: 33 },
  { rows: 128, classes: 10 },
  { rows: 8, classes: 1023 },
  { rows: 512, classes: 128 },
  { rows: 65, classes: 1025 },
  { rows: 1000, classes: 100 },
];

const single = await SoftmaxKernel.start({ instructions: "simd" });
const team = await SoftmaxKernel.start({ instructions: "simd", threads: THREADS });
afterAll(() => Promise.all([single.dispose(), team.dispose()]));

const irregular = (length: number, scale: number, offset = 0): number[] =>
  Array.from({ length }, (_, index) => (((index * 0.6180339887) % 1) - 0.5) * 2 * scale + offset);

const bytesOf = ({ buffer, byteOffset, byteLength }: FloatArray | Int32Array): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

interface Call {
  readonly title: string;
  /** Repeats the call; returns what has other bits than one thread computes. */
  repeat(): string | undefined;
}

function callsFor({ rows, classes }: Shape, dtype: "float32" | "float64", inPlace: boolean): Call[] {
  const ArrayType = dtype === "float32" ? Float32Array : Float64Array;
  const own = (host: FloatArray): FloatArray => {
    if (!inPlace) return host;
    const array = team.allocate(dtype, host.length);
    array.set(host);
    return array;
  };
  const logits = ArrayType.from(irregular(rows * classes, 5));
  const labels = Int32Array.from({ length: rows }, (_, row) => (row * 7) % classes);
  const weights = ArrayType.from(irregular(classes, 1, 1.25));
  const upstream = ArrayType.from(irregular(rows, 1));
  const options: readonly GradientOptions[] = [
    {},
    { reduction: "sum", weights, ignoreIndex: 0, labelSmoothing: 0.1 },
    { reduction: "none", upstream, exactTarget: false },
  ];
  const [x, out] = [own(logits), own(new ArrayType(logits.length))];
  return options.flatMap((given, index) => {
    const expected = single.softmaxCrossEntropy(logits, labels, given);
    const title = `${rows} × ${classes} ${dtype}, options ${index}, ${inPlace ? "in place" : "copied"}`;
    const differs = (losses: Float64Array): boolean =>
      bytesOf(losses).compare(bytesOf(expected.losses)) !== 0;
    return [
      {
        title: `gradient of ${title}`,
        repeat() {
          out.fill(Number.NaN);
          const { losses } = team.softmaxCrossEntropy(x, labels, { ...given, out });
          if (bytesOf(out).compare(bytesOf(expected.gradient)) !== 0) return "gradient";
          return differs(losses) ? "losses" : undefined;
        },
      },
      {
        title: `loss of ${title}`,
        repeat: () => (differs(team.loss(x, labels, given).losses) ? "losses" : undefined),
      },
    ];
  });
}

/** A small generator, for reproducible sequences (Numerical Recipes, `ranqd1`). */
function* randomIntegers(): Generator<number, never> {
  for (let state = 1; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

it("has the bits of one thread, and writes to no memory but its own, whatever was computed before", {
  timeout: 0,
}, () => {
  const short = SHORT.flatMap((shape) =>
    [true, false].flatMap((inPlace) => [
      ...callsFor(shape, "float32", inPlace),
      ...callsFor(shape, "float64", inPlace),
    ]),
  );
  const long = LONG.flatMap((shape) => callsFor(shape, "float32", true)).filter(({ title }) =>
    title.startsWith("loss"),
  );
  // What a short job needs for itself fits before the guard; what a thread writes that does not belong to the job goes there.
  const gap = team.allocate("float32", 12_000);
  const guard = team.allocate("int32", THREADS * 5000).fill(7);
  const untouched = Buffer.from(bytesOf(guard));
  team.free(gap);

  const random = randomIntegers();
  const end = performance.now() + DURATION_MS;
  let calls = 0;
  const check = (among: readonly Call[]): void => {
    const call = among[random.next().value % among.length] as Call;
    const different = call.repeat();
    calls++;
    if (different) expect.fail(`call ${calls}, ${call.title}: other ${different} than of one thread`);
    if (bytesOf(guard).compare(untouched) !== 0) {
      expect.fail(`call ${calls}, ${call.title}: memory of others was written to`);
    }
  };
  while (calls < CALLS && performance.now() < end) {
    check(long);
    for (let time = 0; time < 60 && calls < CALLS; time++) check(short);
  }
  console.log(`${calls} calls on ${THREADS} threads, all as of one`);
  expect(calls).toBeGreaterThan(0);
});

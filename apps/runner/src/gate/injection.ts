import type { Backend, Engine, Prepared } from "@softmax-bench/core";

/** A defect in one method on every backend, for the proof that a gate finds it. */
export interface Injection {
  /** Undefined: in every method. */
  readonly method?: string;
  /** By how much its gradient takes longer: 0.1 is 10 %. */
  readonly slowdown?: number;
  /** Relative error of every entry of its gradient. */
  readonly gradientError?: number;
}

type Registry = Readonly<Record<string, () => Promise<Backend>>>;

/**
 * Backends with a defect. No command imports this: a copy of a checkout gets it by having its registry replaced
 * (`injected-checkout.ts`), and no flag, file or variable brings it into one that was not.
 */
export const inject = (backends: Registry, injection: Injection): Registry =>
  Object.fromEntries(
    Object.entries(backends).map(([id, load]) => [id, async () => defective(await load(), injection)]),
  );

const defective = (backend: Backend, injection: Injection): Backend => ({
  ...backend,
  async open(options) {
    return defectiveEngine(await backend.open(options), injection);
  },
});

const defectiveEngine = (engine: Engine, injection: Injection): Engine => ({
  info: engine.info,
  supports: (task) => engine.supports(task),
  async prepare(task, inputs) {
    const prepared = await engine.prepare(task, inputs);
    const { method = task.method } = injection;
    return method === task.method ? defectivePrepared(prepared, injection) : prepared;
  },
  [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
});

const defectivePrepared = (prepared: Prepared, { slowdown = 0, gradientError = 0 }: Injection): Prepared => ({
  readback: prepared.readback,
  upload: () => prepared.upload(),
  forward: () => prepared.forward(),
  async gradient() {
    const start = performance.now();
    await prepared.gradient();
    const end = start + (performance.now() - start) * (1 + slowdown);
    while (performance.now() < end);
  },
  async read() {
    const { loss, gradient } = await prepared.read();
    const factor = 1 + gradientError;
    return { loss, gradient: gradientError === 0 ? gradient : gradient.map((value) => value * factor) };
  },
  [Symbol.asyncDispose]: () => prepared[Symbol.asyncDispose](),
});

import type { Backend, Engine, GradientResult, Prepared } from "@softmax-bench/core";

/** A defect in one method on every backend, to prove that a gate finds it. */
export interface Injection {
  /** Undefined for every method. */
  readonly method?: string;
  /** Relative increase of its gradient's time: 0.1 is 10 %. */
  readonly slowdown?: number;
  /** Relative error of every entry of its gradient. */
  readonly gradientError?: number;
}

type Registry = Readonly<Record<string, () => Promise<Backend>>>;

/**
 * Backends with a defect. No command imports this: a copy of a checkout gets it by replacing its registry
 * (`injected-checkout.ts`). No flag, file or variable adds it to any other checkout.
 */
export const inject = (backends: Registry, injection: Injection): Registry =>
  Object.fromEntries(
    Object.entries(backends).map(([id, load]) => [id, async () => defective(await load(), injection)]),
  );

const defective = (backend: Backend, injection: Injection): Backend =>
  withOverrides(backend, {
    open: async (options) => defectiveEngine(await backend.open(options), injection),
  });

const defectiveEngine = (engine: Engine, injection: Injection): Engine =>
  withOverrides(engine, {
    async prepare(task, inputs) {
      const prepared = await engine.prepare(task, inputs);
      const { method = task.method } = injection;
      return method === task.method ? defectivePrepared(prepared, injection) : prepared;
    },
  });

function defectivePrepared(prepared: Prepared, { slowdown = 0, gradientError = 0 }: Injection): Prepared {
  const slowed = async <T>(compute: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await compute();
    const end = start + (performance.now() - start) * (1 + slowdown);
    while (performance.now() < end);
    return result;
  };
  const falsified = ({ loss, gradient }: GradientResult): GradientResult => ({
    loss,
    gradient: gradientError === 0 ? gradient : gradient.map((value) => value * (1 + gradientError)),
  });
  const roundtrip = prepared.roundtrip?.bind(prepared);
  return withOverrides(prepared, {
    gradient: () => slowed(() => prepared.gradient()),
    read: async () => falsified(await prepared.read()),
    ...(roundtrip && { roundtrip: async () => falsified(await slowed(roundtrip)) }),
  });
}

/** The same object with some members replaced. Every other member, known here or not, is the original's. */
function withOverrides<T extends object>(original: T, overrides: Partial<T>): T {
  return new Proxy(original, {
    get(target, name) {
      if (Object.hasOwn(overrides, name)) return Reflect.get(overrides, name);
      const value: unknown = Reflect.get(target, name);
      // Bound, so that a class finds its private members.
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

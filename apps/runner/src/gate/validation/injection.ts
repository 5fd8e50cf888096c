import {
  type Backend,
  type Engine,
  findWorkload,
  type GradientResult,
  type GradientTask,
  generateInputs,
  type Prepared,
} from "@softmax-bench/core";

/** A defect in one method on every backend, to prove that a gate finds it. */
export interface Injection {
  /** Undefined for every method. */
  readonly method?: string;
  /** Relative increase of its gradient's time: 0.1 is 10 %. */
  readonly slowdown?: number;
  /**
   * Rounds of `spin` after each gradient, by `<backend> <method> <dtype> <rows>x<classes>`: real work, always as much. For
   * 0 it is called, and does none.
   */
  readonly rounds?: Readonly<Record<string, number>>;
  /**
   * The workload, `<rows>x<classes>`, of a second gradient, which the same method computes before each one, by the same keys: real work in
   * the backend's own kernels.
   */
  readonly also?: Readonly<Record<string, string>>;
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

/** Integer arithmetic that takes some instructions a round. */
export function spin(rounds: number): number {
  let state = 1;
  for (let round = 0; round < rounds; round++) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
  return state;
}

const defective = (backend: Backend, injection: Injection): Backend =>
  withOverrides(backend, {
    open: async (options) => defectiveEngine(await backend.open(options), backend.id, injection),
  });

const defectiveEngine = (engine: Engine, id: string, injection: Injection): Engine =>
  withOverrides(engine, {
    async prepare(task, inputs, options) {
      const prepared = await engine.prepare(task, inputs, options);
      const { method = task.method } = injection;
      const key = `${id} ${task.method} ${task.dtype} ${task.rows}x${task.classes}`;
      const rounds = injection.rounds?.[key];
      if (rounds !== undefined) return working(prepared, rounds);
      const also = injection.also?.[key];
      if (also !== undefined) return withSecond(prepared, () => prepareAlso(engine, task, also));
      return method === task.method ? defectivePrepared(prepared, injection) : prepared;
    },
  });

const working = (prepared: Prepared, rounds: number): Prepared =>
  withOverrides(prepared, {
    async gradient() {
      await prepared.gradient();
      spin(rounds);
    },
  });

/** Computes the second gradient first, so that what is read is the first one's. */
async function withSecond(prepared: Prepared, prepareSecond: () => Promise<Prepared>): Promise<Prepared> {
  const second = await prepareSecond().catch(async (error: unknown) => {
    await prepared[Symbol.asyncDispose]();
    throw error;
  });
  return withOverrides(prepared, {
    async gradient() {
      await second.gradient();
      await prepared.gradient();
    },
    async [Symbol.asyncDispose]() {
      await using _prepared = prepared;
      await second[Symbol.asyncDispose]();
    },
  });
}

async function prepareAlso(engine: Engine, task: GradientTask, id: string): Promise<Prepared> {
  const workload = findWorkload(id);
  if (!workload) throw new RangeError(`expected a workload such as 64x1000, got ${id}`);
  const { rows, classes } = workload;
  const { method, dtype } = task;
  return engine.prepare({ method, dtype, rows, classes }, generateInputs(workload, dtype, 0));
}

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

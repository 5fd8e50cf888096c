import { readFileSync } from "node:fs";
import {
  add,
  evaluate,
  type FloatDType,
  type Graph,
  GraphError,
  input,
  legalize,
  matMul,
  optimize,
  type Tensor,
  tanh,
  tensor,
} from "@softmax-bench/graph";
import {
  accumulationStep,
  adam,
  adamw,
  applyStep,
  lion,
  ModelError,
  nextName,
  ONNXRUNTIME_CPU,
  type Optimizer,
  sgd,
  type TrainingGraph,
  trainingGraph,
  trainingStep,
} from "@softmax-bench/onnx";
import { describe, expect, it } from "vitest";
import { carriedOver, openSession, zerosFor } from "./training-loop.js";

interface Options {
  readonly momentum?: number;
  readonly dampening?: number;
  readonly nesterov?: boolean;
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  readonly weight_decay?: number;
  readonly clip?: number;
  readonly accumulated?: number;
}

/** After a step: the loss before it, its gradients' norm, and the parameters. */
type State = Readonly<Record<string, number | readonly number[]>>;
/** After 2 and 50 steps. */
type States = Readonly<Record<number, State>>;

/** As `optimizers.py` writes it. */
interface Expected {
  readonly x: readonly number[];
  readonly labels: readonly number[];
  readonly start: Readonly<Record<string, readonly number[]>>;
  readonly cases: readonly ({
    readonly optimizer: "sgd" | "adam" | "adamw" | "lion";
    readonly rate: number;
    readonly options: Options;
  } & Readonly<Record<"float32" | "float64", States>>)[];
}

const { x, labels, start, cases }: Expected = JSON.parse(
  readFileSync(new URL("fixtures/optimizers.json", import.meta.url), "utf8"),
);
const [ROWS, FEATURES, STEPS] = [6, 4, 50];
const SHAPES = { w1: [4, 5], b1: [5], w2: [5, 3], b2: [3] };

/** The network of `optimizers.py`. */
function training(dtype: FloatDType, rows: number): TrainingGraph {
  const [w1, b1, w2, b2] = Object.entries(SHAPES).map(([name, shape]) => input(name, dtype, shape));
  if (!w1 || !b1 || !w2 || !b2) throw new Error("unreachable");
  const given = input("x", dtype, [rows, FEATURES]);
  const logits = add(matMul(tanh(add(matMul(given, w1), b1)), w2), b2);
  const parameters = new Map(Object.entries({ w1, b1, w2, b2 }));
  return trainingGraph({
    name: "network",
    inputs: [given, ...parameters.values()],
    outputs: { logits },
    parameters,
  });
}

const batchOf = (dtype: FloatDType, from: number, rows: number): Record<string, Tensor> => ({
  x: tensor(dtype, [rows, FEATURES], x.slice(from * FEATURES, (from + rows) * FEATURES)),
  labels: tensor("int64", [rows], labels.slice(from, from + rows)),
});

const startIn = (dtype: FloatDType): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(SHAPES).map(([name, shape]) => [name, tensor(dtype, shape, start[name] ?? [])]),
  );

function optimizerOf(name: Expected["cases"][number]["optimizer"], options: Options): Optimizer {
  const { momentum, dampening, nesterov, betas, eps: epsilon, weight_decay: weightDecay } = options;
  if (name === "sgd") return sgd({ momentum, dampening, nesterov, weightDecay });
  if (name === "lion") return lion({ betas, weightDecay });
  return (name === "adam" ? adam : adamw)({ betas, epsilon, weightDecay });
}

/**
 * Each step rounds a few dozen times, which counts once per step. Sums of errors of training steps that converge grow no
 * faster than their number.
 */
const tolerance = (unit: number) => STEPS * 32 * unit;
const UNITS = { float32: 2 ** -24, float64: 2 ** -53 };

function check(outputs: Readonly<Record<string, Tensor>>, expected: State, unit: number): void {
  for (const [name, values] of Object.entries(expected)) {
    const isParameter = typeof values !== "number";
    const numbers = isParameter ? values : [values];
    const found = outputs[isParameter ? nextName(name) : name];
    const size = Math.max(...numbers.map(Math.abs));
    for (const [index, value] of numbers.entries()) {
      const difference = Math.abs(Number(found?.data[index]) - value) / size;
      expect(difference, `${name}[${index}]`).toBeLessThanOrEqual(tolerance(unit));
    }
  }
}

const legal = (graph: Graph) => legalize(optimize(graph), ONNXRUNTIME_CPU);

it("the fixture has a first and a last state", () => {
  for (const { float32, float64 } of cases) {
    for (const states of [float32, float64]) expect(Object.keys(states)).toEqual(["2", String(STEPS)]);
  }
});

describe.each(["float32", "float64"] as const)("50 steps in ONNX Runtime, in %s, are PyTorch's", (dtype) => {
  it.each(cases.filter(({ options }) => options.accumulated === undefined))(
    "$optimizer $options",
    async ({ optimizer, rate, options, ...states }) => {
      const graph = legal(
        trainingStep(training(dtype, ROWS), {
          optimizer: optimizerOf(optimizer, options),
          clipNorm: options.clip,
        }),
      );
      const session = await openSession(graph);
      const given = {
        ...batchOf(dtype, 0, ROWS),
        ...startIn(dtype),
        learning_rate: tensor(dtype, [], [rate]),
      };
      let feeds = { ...given, ...zerosFor(graph, given) };
      for (let step = 1; step <= STEPS; step++) {
        const outputs = await session.run(feeds);
        const expected = states[dtype][step];
        if (expected) check(outputs, expected, UNITS[dtype]);
        feeds = carriedOver(feeds, outputs) as typeof feeds;
      }
      await session.release();
    },
  );

  it.each(cases.filter(({ options }) => options.accumulated !== undefined))(
    "$optimizer $options, in two graphs",
    async ({ optimizer, rate, options, ...states }) => {
      const { accumulated = 1, clip: clipNorm } = options;
      const rows = ROWS / accumulated;
      const first = legal(accumulationStep(training(dtype, rows)));
      const second = legal(
        applyStep(training(dtype, rows), { optimizer: optimizerOf(optimizer, options), clipNorm }),
      );
      const [add, apply] = [await openSession(first), await openSession(second)];
      const scalars = {
        learning_rate: tensor(dtype, [], [rate]),
        batches: tensor(dtype, [], [accumulated]),
      };
      const given = { ...startIn(dtype), ...scalars };
      const cleared = zerosFor(first, { ...given, ...batchOf(dtype, 0, rows) });
      let feeds = { ...given, ...zerosFor(second, given) };
      for (let step = 1; step <= STEPS; step++) {
        let outputs: Record<string, Tensor> = {};
        let sums = { ...feeds, ...cleared };
        for (let batch = 0; batch < accumulated; batch++) {
          outputs = await add.run({ ...sums, ...batchOf(dtype, batch * rows, rows) });
          sums = carriedOver(sums, outputs) as typeof sums;
        }
        const applied = await apply.run(sums);
        const expected = states[dtype][step];
        if (expected) check({ ...outputs, ...applied }, expected, UNITS[dtype]);
        feeds = carriedOver(feeds, applied) as typeof feeds;
      }
      await Promise.all([add.release(), apply.release()]);
    },
  );
});

describe("a step", () => {
  const step = (optimizer: Optimizer, clipNorm?: number) =>
    trainingStep(training("float32", ROWS), { optimizer, clipNorm });

  it("takes what its optimiser keeps, and returns each under the same name with .next", () => {
    const { inputs, outputs } = step(adamw(), 1);
    expect(inputs.map(({ node, dtype }) => `${node.attributes.name} ${dtype}`)).toEqual([
      "x float32",
      ...Object.keys(SHAPES).map((name) => `${name} float32`),
      "labels int64",
      "learning_rate float32",
      "step int64",
      ...Object.keys(SHAPES).flatMap((name) => [`${name}.adam.m float32`, `${name}.adam.v float32`]),
    ]);
    expect(Object.keys(outputs)).toEqual([
      "loss",
      "logits",
      ...Object.keys(SHAPES).flatMap((name) => [
        `${name}.next`,
        `${name}.adam.m.next`,
        `${name}.adam.v.next`,
      ]),
      "step.next",
      "gradient_norm",
    ]);
  });

  it("counts only for an optimiser that needs it", () => {
    const counts = (optimizer: Optimizer) => "step.next" in step(optimizer).outputs;
    expect(
      [sgd(), sgd({ momentum: 0.9 }), sgd({ momentum: 0.9, dampening: 0.5 }), lion()].map(counts),
    ).toEqual([false, false, true, false]);
  });

  it("corrects Adam's averages after a million steps as after one", () => {
    const dtype = "float32";
    const [p, g] = [input("p", dtype, []), input("g", dtype, [])];
    const count = input("step", "int64", []);
    const rate = input("rate", dtype, []);
    const { parameter } = adam({ epsilon: 0 }).update({
      parameter: p,
      gradient: g,
      state: [g, g],
      learningRate: rate,
      step: count,
    });
    const moved = (steps: number) =>
      evaluate(
        { name: "adam", inputs: [p, g, rate, count], outputs: { parameter } },
        {
          p: tensor(dtype, [], [0]),
          g: tensor(dtype, [], [1]),
          rate: tensor(dtype, [], [1]),
          step: tensor("int64", [], [steps]),
        },
      ).parameter?.data[0];
    for (const steps of [0, 1, 10, 1000, 1e6]) {
      const t = steps + 1;
      const exact = -(Math.sqrt(-Math.expm1(t * Math.log(0.999))) / -Math.expm1(t * Math.log(0.9)));
      expect(Math.abs(Number(moved(steps)) / exact - 1), `step ${t}`).toBeLessThanOrEqual(8 * 2 ** -24);
    }
  });

  it("updates half-precision parameters in float32", async () => {
    const graph = trainingStep(training("bfloat16", ROWS), { optimizer: adam(), clipNorm: 1 });
    const types = new Map(graph.inputs.map(({ node, dtype }) => [node.attributes.name, dtype]));
    expect(types.get("w1.adam.v")).toBe("float32");
    expect(graph.outputs["w1.next"]?.dtype).toBe("bfloat16");
  });

  it.each<[string, () => unknown, string]>([
    ["a negative momentum", () => sgd({ momentum: -1 }), "momentum must be a number from 0 on, got -1"],
    [
      "Nesterov without momentum",
      () => sgd({ nesterov: true }),
      "Nesterov momentum needs a momentum above 0",
    ],
    [
      "a beta of 1",
      () => adam({ betas: [0.9, 1] }),
      "betas must be two numbers from 0 to below 1, got 0.9, 1",
    ],
    ["an infinite decay", () => adamw({ weightDecay: Number.POSITIVE_INFINITY }), "weight decay must be"],
    ["a norm of 0", () => step(sgd(), 0), "the largest norm of gradients must be a number above 0, got 0"],
  ])("refuses %s", (_, make, message) => {
    expect(make).toThrow(GraphError);
    expect(make).toThrow(message);
  });

  it("refuses a model that has one of its names", () => {
    const [p, other] = [input("p", "float32", [4, 3]), input("learning_rate", "float32", [2, 4])];
    const model = {
      name: "model",
      inputs: [other, p],
      outputs: { logits: matMul(other, p) },
      parameters: new Map([["p", p]]),
    };
    const made = () => trainingStep(trainingGraph(model), { optimizer: sgd() });
    expect(made).toThrow(ModelError);
    expect(made).toThrow('the model has a "learning_rate" of its own, which the step needs');
  });
});

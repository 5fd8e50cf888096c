import {
  add,
  clip,
  concat,
  expand,
  less,
  matMul,
  mul,
  reshape,
  scalar,
  slice,
  split,
  squeeze,
  sub,
  transpose,
  unsqueeze,
  type Value,
  where,
} from "@softmax-bench/graph";
import type { OnnxNode } from "../node.js";
import { RECURRENT_ACTIVATIONS } from "./activations.js";
import type { Reader, Readers } from "./reader.js";

/** ONNX's recurrent operators, unrolled: the length of the sequence is known when a model is read. */

type Activation = (x: Value) => Value;

/** Computes one step from its input `[N, I]` and the previous states, `[N, H]` each. */
type Step = (x: Value, states: readonly Value[]) => readonly Value[];

/** The weights of one direction, without the axis of directions. */
interface Weights {
  /** `[G·H, I]` */
  readonly input: Value;
  /** `[G·H, H]` */
  readonly recurrent: Value;
  /** Biases `[2·G·H]`: of the input and of the state. */
  readonly bias: Value | undefined;
  readonly peepholes: Value | undefined;
  readonly hidden: number;
  readonly activations: readonly Activation[];
  readonly limited: Activation;
}

interface Cell {
  readonly gates: number;
  /** 2 if there is a cell state besides the hidden one. */
  readonly states: number;
  readonly activations: readonly string[];
  readonly attributes: (node: OnnxNode) => Readonly<Record<string, boolean>>;
  readonly step: (weights: Weights, flags: Readonly<Record<string, boolean>>) => Step;
}

const product = (x: Value, weights: Value): Value => matMul(x, transpose(weights));
const parts = (x: Value, hidden: number, axis: number): readonly Value[] => {
  const count = (x.shape[axis] as number) / hidden;
  return count === 1 ? [x] : split(x, new Array<number>(count).fill(hidden), axis);
};
const one = ({ dtype }: Value): Value => scalar(1, dtype);

/** The sum of both biases of all gates. */
function sumOfBiases({ bias, hidden }: Weights, gates: number): Value | undefined {
  if (!bias) return undefined;
  const [ofInput, ofState] = split(bias, [gates * hidden, gates * hidden], 0) as [Value, Value];
  return add(ofInput, ofState);
}

const plus = (x: Value, bias: Value | undefined): Value => (bias ? add(x, bias) : x);

const RNN: Cell = {
  gates: 1,
  states: 1,
  activations: ["Tanh"],
  attributes: () => ({}),
  step: (weights) => {
    const bias = sumOfBiases(weights, 1);
    const [f] = weights.activations as [Activation];
    return (x, [h]) => {
      const sum = add(product(x, weights.input), product(h as Value, weights.recurrent));
      return [f(weights.limited(plus(sum, bias)))];
    };
  },
};

/** Gates in the order input, output, forget, cell; peepholes in the order input, output, forget. */
const LSTM: Cell = {
  gates: 4,
  states: 2,
  activations: ["Sigmoid", "Tanh", "Tanh"],
  attributes: (node) => ({ coupled: node.flag("input_forget") }),
  step: (weights, { coupled }) => {
    const bias = sumOfBiases(weights, 4);
    const { hidden, limited, peepholes } = weights;
    const [f, g, h] = weights.activations as [Activation, Activation, Activation];
    const [pI, pO, pF] = peepholes ? parts(peepholes, hidden, 0) : [];
    const peeking = (x: Value, cell: Value, weight: Value | undefined) =>
      weight ? add(x, mul(weight, cell)) : x;
    return (x, [state, cell]) => {
      const all = add(product(x, weights.input), product(state as Value, weights.recurrent));
      const [i, o, forget, c] = parts(plus(all, bias), hidden, 1) as [Value, Value, Value, Value];
      const before = cell as Value;
      const input = f(limited(peeking(i, before, pI)));
      const kept = coupled ? sub(one(x), input) : f(limited(peeking(forget, before, pF)));
      const next = add(mul(kept, before), mul(input, g(limited(c))));
      return [mul(f(limited(peeking(o, next, pO))), h(next)), next];
    };
  },
};

/** Gates in the order update, reset, hidden. */
const GRU: Cell = {
  gates: 3,
  states: 1,
  activations: ["Sigmoid", "Tanh"],
  attributes: (node) => ({ resetAfter: node.flag("linear_before_reset") }),
  step: (weights, { resetAfter }) => {
    const { hidden, limited } = weights;
    const [f, g] = weights.activations as [Activation, Activation];
    const [ofInput, ofState] = weights.bias ? parts(weights.bias, 3 * hidden, 0) : [];
    const recurrent = parts(weights.recurrent, hidden, 0) as [Value, Value, Value];
    const stateBias = ofState ? parts(ofState, hidden, 0) : [];
    const through = (h: Value, gate: number) => plus(product(h, recurrent[gate] as Value), stateBias[gate]);
    return (x, [state]) => {
      const h = state as Value;
      const given = parts(plus(product(x, weights.input), ofInput), hidden, 1) as [Value, Value, Value];
      const update = f(limited(add(given[0], through(h, 0))));
      const reset = f(limited(add(given[1], through(h, 1))));
      const past = resetAfter ? mul(reset, through(h, 2)) : through(mul(reset, h), 2);
      const next = g(limited(add(given[2], past)));
      return [add(mul(sub(one(x), update), next), mul(update, h))];
    };
  },
};

/** The outputs of a recurrent operator: all hidden states `[T, D, N, H]`, and the last of each kind `[D, N, H]`. */
const recurrent =
  (cell: Cell): Reader =>
  (node) => {
    const batchFirst = node.int("layout", 0) === 1;
    const given = node.input(0);
    const x = batchFirst ? transpose(given, [1, 0, 2]) : given;
    const [steps = 0, images = 0] = x.shape;
    const directions = readDirections(node);
    const all = readWeights(node, cell, directions.length);
    const lengths = node.optional(4);
    const flags = cell.attributes(node);
    const initial = Array.from({ length: cell.states }, (_, at) => node.optional(5 + at));
    const hidden = all[0]?.hidden ?? 0;
    const stateShape = batchFirst ? [images, directions.length, hidden] : [directions.length, images, hidden];
    const misfit = initial.find((states) => states && !hasShape(states, stateShape));
    if (misfit) node.fail(`initial states ${formatShape(misfit)} are not of shape [${stateShape}]`);
    if (lengths && !hasShape(lengths, [images])) {
      node.fail(`lengths of sequences ${formatShape(lengths)} are not of shape [${images}]`);
    }
    if (steps === 0) node.fail("a sequence of no steps");
    const runs = directions.map((isReverse, direction) => {
      const weights = all[direction] as Weights;
      const first = initial.map((states) => {
        if (!states) return expand(scalar(0, x.dtype), [images, weights.hidden]);
        const ordered = batchFirst ? transpose(states, [1, 0, 2]) : states;
        return squeeze(slice(ordered, 0, direction, direction + 1), [0]);
      });
      return unroll(x, cell.step(weights, flags), first, { isReverse, lengths, steps });
    });
    const y = concat(
      runs.map(({ hidden }) => unsqueeze(hidden, [1])),
      1,
    );
    const last = Array.from({ length: cell.states }, (_, at) =>
      concat(
        runs.map(({ states }) => unsqueeze(states[at] as Value, [0])),
        0,
      ),
    );
    return batchFirst
      ? [transpose(y, [2, 0, 1, 3]), ...last.map((states) => transpose(states, [1, 0, 2]))]
      : [y, ...last];
  };

const hasShape = ({ shape }: Value, expected: readonly number[]): boolean =>
  shape.length === expected.length && shape.every((size, axis) => size === expected[axis]);

/** Dimensions for a message; only the first few of a long list. */
const formatShape = ({ shape }: Value): string => `[${shape.slice(0, 8)}${shape.length > 8 ? ",…" : ""}]`;

interface Run {
  readonly isReverse: boolean;
  /** Lengths of the sequences, `[N]`; undefined if all have all steps. */
  readonly lengths: Value | undefined;
  readonly steps: number;
}

function unroll(x: Value, step: Step, initial: readonly Value[], { isReverse, lengths, steps }: Run) {
  let states = initial;
  const made: Value[] = [];
  for (let at = 0; at < steps; at++) {
    const time = isReverse ? steps - 1 - at : at;
    const next = step(squeeze(slice(x, 0, time, time + 1), [0]), states);
    if (!lengths) {
      states = next;
      made[time] = next[0] as Value;
      continue;
    }
    // Beyond its length, a sequence keeps its states and outputs zeros.
    const isInside = reshape(less(scalar(time, lengths.dtype), lengths), [x.shape[1] as number, 1]);
    made[time] = where(isInside, next[0] as Value, scalar(0, x.dtype));
    states = next.map((value, which) => where(isInside, value, states[which] as Value));
  }
  const hidden = concat(
    made.map((value) => unsqueeze(value, [0])),
    0,
  );
  return { hidden, states };
}

/** Returns whether each direction is reversed. */
function readDirections(node: OnnxNode): boolean[] {
  const direction = node.string("direction", "forward");
  if (direction === "forward") return [false];
  if (direction === "reverse") return [true];
  return direction === "bidirectional" ? [false, true] : node.fail(`direction ${direction} is not known`);
}

function readWeights(node: OnnxNode, { gates, activations: defaults }: Cell, directions: number): Weights[] {
  const [input, recurrentWeights, bias] = [node.input(1), node.input(2), node.optional(3)];
  const peepholes = node.op === "LSTM" ? node.optional(7) : undefined;
  const hidden = recurrentWeights.shape[2] ?? 0;
  const given = node.int("hidden_size", hidden);
  const features = node.input(0).shape[2] ?? 0;
  const shapes: readonly (readonly [Value | undefined, readonly number[]])[] = [
    [input, [directions, gates * hidden, features]],
    [recurrentWeights, [directions, gates * hidden, hidden]],
    [bias, [directions, 2 * gates * hidden]],
    [peepholes, [directions, 3 * hidden]],
  ];
  const misfit = shapes.find(([value, shape]) => value && !hasShape(value, shape));
  if (given !== hidden || hidden === 0 || node.input(0).shape.length !== 3 || misfit) {
    const weights = shapes.flatMap(([value]) => (value ? [formatShape(value)] : []));
    node.fail(
      `weights ${weights.join(", ")} do not fit inputs ${formatShape(node.input(0))} and a hidden size of ${given} in ${directions} directions`,
    );
  }
  const limit = node.float("clip", 0);
  const limited: Activation = (x) => (limit > 0 ? clip(x, -limit, limit) : x);
  const activations = readActivations(node, defaults, directions);
  const of = (value: Value, direction: number) => squeeze(slice(value, 0, direction, direction + 1), [0]);
  return Array.from({ length: directions }, (_, direction) => ({
    input: of(input, direction),
    recurrent: of(recurrentWeights, direction),
    bias: bias && of(bias, direction),
    peepholes: peepholes && of(peepholes, direction),
    hidden,
    activations: activations.slice(direction * defaults.length, (direction + 1) * defaults.length),
    limited,
  }));
}

/** The number of parameters of an activation. */
const NUMBERS: ReadonlyMap<string, number> = new Map(
  Object.entries<number>({
    Affine: 2,
    Elu: 1,
    HardSigmoid: 2,
    LeakyRelu: 1,
    ScaledTanh: 2,
    ThresholdedRelu: 1,
  }),
);

function readActivations(node: OnnxNode, defaults: readonly string[], directions: number): Activation[] {
  const names = node.strings("activations") ?? Array.from({ length: directions }, () => defaults).flat();
  const [alphas, betas] = [node.floats("activation_alpha") ?? [], node.floats("activation_beta") ?? []];
  if (names.length !== defaults.length * directions) {
    node.fail(`takes ${defaults.length * directions} activations, got ${names.length}`);
  }
  // Numbers are listed only for activations that take some.
  const [takesAlpha, takesBeta] = [alphas.slice(), betas.slice()];
  return names.map((name) => {
    const make = RECURRENT_ACTIVATIONS.get(name);
    if (!make) return node.fail(`activation ${name} is not known`);
    const count = NUMBERS.get(name) ?? 0;
    const alpha = count > 0 ? takesAlpha.shift() : undefined;
    const beta = count > 1 ? takesBeta.shift() : undefined;
    return (x) => make(x, alpha, beta);
  });
}

export const RECURRENT: Readers = { GRU: recurrent(GRU), LSTM: recurrent(LSTM), RNN: recurrent(RNN) };

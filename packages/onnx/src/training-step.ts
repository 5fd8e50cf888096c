import {
  add,
  cast,
  div,
  type FloatDType,
  type Graph,
  GraphError,
  input,
  inputName,
  isHalf,
  min,
  mul,
  reduceSum,
  scalar,
  sqrt,
  topologicalOrder,
  type Value,
} from "@softmax-bench/graph";
import type { Optimizer } from "./optimizers.js";
import { ModelError, quote } from "./read/error.js";
import { gradientName, nextName, type TrainingGraph } from "./training-graph.js";

export interface StepOptions {
  readonly optimizer: Optimizer;
  /** The largest norm of all gradients together, as in `torch.nn.utils.clip_grad_norm_`. Default: no limit. */
  readonly clipNorm?: number | undefined;
}

/**
 * A step of training, with the optimiser in it. Besides the inputs of the training graph, it takes the scalar
 * `learning_rate`, the tensors that the optimiser keeps (`<parameter>.<name>`, zeros at first) and, if the optimiser
 * counts steps, the scalar `step` (int64, 0 at first). For every input that changes there is an output `<input>.next`,
 * in place of the gradients; with `clipNorm`, there is `gradient_norm`, too.
 *
 * Half-precision parameters are updated in float32, and so are the tensors of their optimiser.
 * @throws ModelError if the model has one of these names itself
 * @throws GraphError if `clipNorm` is not a number above 0
 */
export function trainingStep(training: TrainingGraph, options: StepOptions): Graph {
  const { inputs, outputs } = updateStep(training.gradients, options);
  return namedGraph(`${training.name}, and a step`, training.description, {
    inputs: [...training.inputs, ...inputs],
    outputs: [...withoutGradients(training), ...outputs],
  });
}

/**
 * The first half of a step over several batches: a training graph that adds to gradients as `backward` of PyTorch does.
 * It takes `<parameter>.grad`, zeros at first, and returns `<parameter>.grad.next`.
 * @throws ModelError if the model has one of these names itself
 */
export function accumulationStep(training: TrainingGraph): Graph {
  const sums = Array.from(training.gradients, ([parameter, gradient]) => {
    const sum = input(gradientName(inputName(parameter)), gradient.dtype, gradient.shape);
    return { sum, next: add(sum, gradient) };
  });
  return namedGraph(`${training.name}, accumulated`, training.description, {
    inputs: [...training.inputs, ...sums.map(({ sum }) => sum)],
    outputs: [
      ...withoutGradients(training),
      ...sums.map(({ sum, next }) => [nextName(inputName(sum)), next] as const),
    ],
  });
}

/**
 * The second half: a `trainingStep` without the model, which takes the accumulated `<parameter>.grad`, and the scalar
 * `batches` that they are divided by.
 * @throws GraphError if `clipNorm` is not a number above 0
 */
export function applyStep({ name, gradients }: TrainingGraph, options: StepOptions): Graph {
  const batches = input("batches", scalarType([...gradients.keys()]), []);
  const sums = Array.from(gradients, ([parameter, gradient]) => {
    const sum = input(gradientName(inputName(parameter)), gradient.dtype, gradient.shape);
    return { parameter, sum, mean: div(sum, cast(batches, sum.dtype)) };
  });
  const { inputs, outputs } = updateStep(
    new Map(sums.map(({ parameter, mean }) => [parameter, mean])),
    options,
  );
  return namedGraph(`the step of ${name}`, undefined, {
    inputs: [...gradients.keys(), ...sums.map(({ sum }) => sum), batches, ...inputs],
    outputs,
  });
}

type NamedValue = readonly [name: string, value: Value];

interface Step {
  /** The inputs besides parameters and gradients. */
  readonly inputs: readonly Value[];
  readonly outputs: readonly NamedValue[];
}

function updateStep(gradients: ReadonlyMap<Value, Value>, { optimizer, clipNorm }: StepOptions): Step {
  const type = scalarType([...gradients.keys()]);
  const learningRate = input("learning_rate", type, []);
  const step = input("step", "int64", []);
  const norm = clipNorm === undefined ? undefined : normOf([...gradients.values()], type);
  const factor = norm && clippingFactor(norm, clipNorm);
  const state: Value[] = [];
  const next: NamedValue[] = [];
  for (const [parameter, gradient] of gradients) {
    const name = inputName(parameter);
    const computed = isHalf(parameter.dtype) ? "float32" : (parameter.dtype as FloatDType);
    const own = optimizer.state.map((of) => input(`${name}.${of}`, computed, parameter.shape));
    const exact = cast(gradient, computed);
    const update = optimizer.update({
      parameter: cast(parameter, computed),
      gradient: factor ? mul(exact, cast(factor, computed)) : exact,
      state: own,
      learningRate: cast(learningRate, computed),
      step,
    });
    state.push(...own);
    next.push([nextName(name), cast(update.parameter, parameter.dtype)]);
    next.push(...update.state.map((value, at) => [nextName(inputName(own[at] as Value)), value] as const));
  }
  const counts = topologicalOrder(next.map(([, value]) => value)).includes(step.node);
  const counted: NamedValue[] = counts ? [[nextName("step"), add(step, scalar(1, "int64"))]] : [];
  return {
    inputs: [learningRate, ...(counts ? [step] : []), ...state],
    outputs: [...next, ...counted, ...(norm ? [["gradient_norm", norm] as const] : [])],
  };
}

/** The type of scalar inputs, which are as precise as the most precise parameter. */
const scalarType = (parameters: readonly Value[]): FloatDType =>
  parameters.some(({ dtype }) => dtype === "float64") ? "float64" : "float32";

/** The root of the sum of all squares. */
function normOf(values: readonly Value[], dtype: FloatDType): Value {
  const squares = values.map((value) => {
    const exact = cast(value, dtype);
    return reduceSum(mul(exact, exact));
  });
  return sqrt(squares.reduce((sum, square) => add(sum, square), scalar(0, dtype)));
}

/** The factor of `clip_grad_norm_`, with the number that it adds to the norm. */
function clippingFactor(norm: Value, limit = 0): Value {
  if (!(limit > 0 && limit < Number.POSITIVE_INFINITY)) {
    throw new GraphError(`the largest norm of gradients must be a number above 0, got ${limit}`);
  }
  const { dtype } = norm;
  return min(div(scalar(limit, dtype), add(norm, scalar(1e-6, dtype))), scalar(1, dtype));
}

function withoutGradients({ outputs, gradients }: TrainingGraph): NamedValue[] {
  const named = new Set(Array.from(gradients.keys(), (parameter) => gradientName(inputName(parameter))));
  return Object.entries(outputs).filter(([name]) => !named.has(name));
}

/** @throws ModelError if two inputs or outputs have the same name */
function namedGraph(name: string, description: string | undefined, { inputs, outputs }: Step): Graph {
  const names = [...inputs.map(inputName), ...outputs.map(([output]) => output)];
  const seen = new Set<string>();
  const clash = names.find((of) => seen.size === seen.add(of).size);
  if (clash !== undefined) {
    throw new ModelError(`the model has a ${quote(clash)} of its own, which the step needs`);
  }
  return {
    name,
    ...(description !== undefined && { description }),
    inputs,
    outputs: Object.fromEntries(outputs),
  };
}

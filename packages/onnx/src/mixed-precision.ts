import {
  add,
  applyAll,
  cast,
  constantTensor,
  div,
  equal,
  type Graph,
  GraphError,
  type HalfDType,
  input,
  inputName,
  isFloat,
  min,
  mul,
  type Node,
  read,
  reduceSum,
  rewrite,
  roundToHalf,
  scalar,
  sizeOf,
  type Value,
  where,
} from "@softmax-bench/graph";
import { IGNORED_LABEL } from "./checked-labels.js";
import type { Head } from "./head.js";
import { ModelError, quote } from "./read/error.js";
import type { ReadGraph } from "./read/graph.js";
import { rewriteModel } from "./rewrite-model.js";
import {
  crossEntropyHead,
  gradientName,
  nextName,
  type TrainingGraph,
  type TrainingOptions,
} from "./training-graph.js";

/** Operators of layers, which are computed in half precision whatever their operands are. */
const LOWERED: ReadonlySet<string> = new Set(["MatMul", "Gemm", "Conv", "ConvTranspose"]);
/** Operators that are computed in half precision if their operands are in half precision already. */
const CARRIED: ReadonlySet<string> = new Set([
  ...["Add", "Sub", "Mul", "Div", "Max", "Min", "Neg", "Abs", "Relu", "LeakyRelu", "Clip", "Tanh", "Sigmoid"],
  ...["Where", "MaxPool", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Expand", "Identity"],
  ...["StopGradient", "Concat", "Split", "Slice", "Pad", "Gather", "GatherElements"],
]);

/**
 * A model of float32 with its products and convolutions in half precision, as `torch.autocast` does: what comes out of them
 * stays in half precision as long as every operand is, parameters and single numbers rounded if need be. Everything else,
 * such as softmax, normalisations and sums, takes float32. Parameters, inputs and outputs stay as they are.
 */
export function withMixedPrecision(model: ReadGraph, dtype: HalfDType): ReadGraph {
  const parameters = new Set(model.parameters.values());
  const lowered = (value: Value): Value => {
    if (!isFloat(value)) return value;
    const [raised] = value.node.op === "Cast" ? value.node.inputs : [];
    return raised?.dtype === dtype ? raised : cast(value, dtype);
  };
  const isCarried = (value: Value): boolean =>
    !isFloat(value) || value.dtype === dtype || parameters.has(value) || isExpressible(value, dtype);
  let isChanged = false;
  const rule = (node: Node, inputs: readonly Value[]): readonly Value[] | undefined => {
    if (!node.inputs.some(({ dtype: of }) => of === "float32")) return undefined;
    const isHalf = inputs.some((value) => value.dtype === dtype);
    const stays = CARRIED.has(node.op) && isHalf && inputs.every(isCarried);
    if (LOWERED.has(node.op)) isChanged = true;
    if (LOWERED.has(node.op) || stays) return applyAll(node.op, inputs.map(lowered), node.attributes);
    if (!isHalf) return undefined;
    const raised = inputs.map((value, at) => cast(value, (node.inputs[at] as Value).dtype));
    return applyAll(node.op, raised, node.attributes);
  };
  const made = rewriteModel(model, (whole) => rewrite(whole, rule).outputs);
  if (!isChanged) {
    throw new ModelError(`the model has no product or convolution of float32 to compute in ${dtype}`);
  }
  return {
    ...made,
    outputs: Object.fromEntries(
      Object.entries(made.outputs).map(([name, value]) => [
        name,
        cast(value, (model.outputs[name] as Value).dtype),
      ]),
    ),
  };
}

/** True for a single number that does not become 0 or infinite. */
function isExpressible({ node, shape }: Value, dtype: HalfDType): boolean {
  if (node.op !== "Constant" || sizeOf(shape) !== 1) return false;
  const number = read(constantTensor(node).data, 0);
  const rounded = roundToHalf(dtype, number);
  return Number.isFinite(rounded) && (rounded !== 0 || number === 0);
}

const scaleInput = (): Value => input("loss_scale", "float32", []);

/** The first scale of `torch.amp.GradScaler`. */
const FIRST_SCALE = 65_536;

/** The scale that is meant by an input of 0, with which all other state starts, too. */
const started = (scale: Value): Value =>
  where(equal(scale, scalar(0, "float32")), scalar(FIRST_SCALE, "float32"), scale);

/**
 * Options of a training graph in which the loss is taken in float32, and multiplied by the scalar input `loss_scale` (65536 if that is 0) before
 * it is differentiated, so that small gradients do not vanish in float16.
 * @param options not with a loss for each row or element
 */
export function withScaledLoss(options: TrainingOptions): TrainingOptions {
  const given = scaleInput();
  const scale = started(given);
  const scaled = (head: (output: Value) => Head, output: Value): Head => {
    const { inputs, loss, upstream, gradient } = head(cast(output, "float32"));
    if (upstream)
      throw new ModelError("a loss for each row or element cannot be scaled: take its mean or its sum");
    const above = gradient && cast(mul(gradient, scale), output.dtype);
    return { inputs: [...inputs, given], loss, ...(above ? { gradient: above } : { upstream: scale }) };
  };
  const { loss, head = (rows) => crossEntropyHead(rows, IGNORED_LABEL) } = options;
  return loss
    ? { ...options, loss: { ...loss, head: (output) => scaled(loss.head, output) } }
    : { ...options, head: (rows) => scaled(head, rows) };
}

/** A training graph whose gradients are divided by `loss_scale` again. */
export function withUnscaledGradients(training: TrainingGraph): TrainingGraph {
  const scale = started(findInput(training, "loss_scale"));
  const gradients = new Map(
    Array.from(training.gradients, ([parameter, gradient]) => [
      parameter,
      div(gradient, cast(scale, gradient.dtype)),
    ]),
  );
  const named = Array.from(gradients, ([parameter, gradient]) => [
    gradientName(inputName(parameter)),
    gradient,
  ]);
  return { ...training, outputs: { ...training.outputs, ...Object.fromEntries(named) }, gradients };
}

export interface ScalingOptions {
  /** The number of steps in a row without an overflow after which the scale is doubled. Default: 2000. */
  readonly growthInterval?: number | undefined;
}

/**
 * A step that changes nothing if a gradient is not finite, as `torch.amp.GradScaler` skips it, and adapts the scale: it takes
 * `loss_scale` and `good_steps` (int64), both 0 at first, and returns `loss_scale.next`, half of it after an
 * overflow and twice of it after enough good steps, and `good_steps.next`. Batch normalisations' moving statistics move
 * in any case.
 *
 * @param step a `trainingStep` or `applyStep` with `withUnscaledGradients`
 * @param training the graph that it was made from
 * @throws GraphError if the interval is not a number of steps
 */
export function withDynamicScale(
  step: Graph,
  training: TrainingGraph,
  { growthInterval = 2000 }: ScalingOptions = {},
): Graph {
  if (!(Number.isSafeInteger(growthInterval) && growthInterval > 0)) {
    throw new GraphError(`the growth interval must be a number of steps from 1 on, got ${growthInterval}`);
  }
  const given = new Map(step.inputs.map((value) => [inputName(value), value]));
  const clash = ["good_steps", "loss_scale.next", "good_steps.next"].find(
    (name) => given.has(name) || name in step.outputs,
  );
  if (clash !== undefined)
    throw new ModelError(`the model has a ${quote(clash)} of its own, which the step needs`);
  const current = given.get("loss_scale") ?? scaleInput();
  const scale = started(current);
  const good = input("good_steps", "int64", []);
  const succeeds = allFinite(
    Array.from(
      training.gradients,
      ([parameter, gradient]) => given.get(gradientName(inputName(parameter))) ?? gradient,
    ),
  );
  const kept = Array.from(given, ([name, value]) => [nextName(name), value] as const).flatMap(
    ([name, value]) => {
      const next = step.outputs[name];
      return next && !(name in training.outputs) ? [[name, where(succeeds, next, value)] as const] : [];
    },
  );
  const count = add(good, scalar(1, "int64"));
  const isEnough = equal(count, scalar(growthInterval, "int64"));
  const doubled = min(mul(scale, scalar(2, "float32")), scalar(LARGEST_SCALE, "float32"));
  const grown = where(isEnough, doubled, scale);
  return {
    ...step,
    inputs: [...step.inputs, ...(given.has("loss_scale") ? [] : [current]), good],
    outputs: {
      ...step.outputs,
      ...Object.fromEntries(kept),
      "loss_scale.next": where(succeeds, grown, mul(scale, scalar(0.5, "float32"))),
      "good_steps.next": where(succeeds, where(isEnough, scalar(0, "int64"), count), scalar(0, "int64")),
    },
  };
}

/** The largest power of 2 in float32: a scale that became infinite would stay so. */
const LARGEST_SCALE = 2 ** 127;

/** True if all elements are finite: 0 · x is 0 then, and NaN otherwise. */
function allFinite(values: readonly Value[]): Value {
  const zeros = values.map((value) => cast(reduceSum(mul(value, scalar(0, value.dtype))), "float32"));
  return equal(zeros.reduce(add, scalar(0, "float32")), scalar(0, "float32"));
}

function findInput({ inputs }: Graph, name: string): Value {
  const found = inputs.find((value) => inputName(value) === name);
  if (!found) throw new GraphError(`the graph has no input ${name}`);
  return found;
}

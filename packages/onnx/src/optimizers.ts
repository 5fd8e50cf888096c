import {
  add,
  cast,
  div,
  equal,
  GraphError,
  greater,
  less,
  mul,
  neg,
  scalar,
  sqrt,
  sub,
  tanh,
  type Value,
  where,
} from "@softmax-bench/graph";

/** One parameter in one step. All values but the step have the type that the update is computed in. */
export interface UpdateContext {
  readonly parameter: Value;
  readonly gradient: Value;
  /** The tensors of `Optimizer.state`, in its order. */
  readonly state: readonly Value[];
  /** A scalar. */
  readonly learningRate: Value;
  /** The number of steps before this one, an int64 scalar. */
  readonly step: Value;
}

export interface Update {
  readonly parameter: Value;
  readonly state: readonly Value[];
}

/** A rule that updates parameters, with its hyperparameters fixed except for the learning rate. */
export interface Optimizer {
  /** Names of the tensors that it keeps for each parameter, of the parameter's shape, zeros before the first step. */
  readonly state: readonly string[];
  update(context: UpdateContext): Update;
}

export interface SgdOptions {
  /** Default: 0. */
  readonly momentum?: number | undefined;
  /** The share of a gradient that does not enter the momentum. Default: 0. */
  readonly dampening?: number | undefined;
  /** Default: false. */
  readonly nesterov?: boolean | undefined;
  /** The factor of an L2 penalty. Default: 0. */
  readonly weightDecay?: number | undefined;
}

/**
 * `torch.optim.SGD`. The first gradient enters the momentum without dampening.
 * @throws GraphError if a hyperparameter is out of range
 */
export function sgd({
  momentum = 0,
  dampening = 0,
  nesterov = false,
  weightDecay = 0,
}: SgdOptions = {}): Optimizer {
  requireNonNegative({ momentum, "weight decay": weightDecay });
  if (!Number.isFinite(dampening)) throw new GraphError(`dampening must be a number, got ${dampening}`);
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw new GraphError(
      `Nesterov momentum needs a momentum above 0 and no dampening, got ${momentum} and ${dampening}`,
    );
  }
  return {
    state: momentum === 0 ? [] : ["momentum"],
    update: ({ parameter, gradient, state: [buffer], learningRate, step }) => {
      const penalized = withPenalty(gradient, parameter, weightDecay);
      if (!buffer) return { parameter: sub(parameter, mul(learningRate, penalized)), state: [] };
      const entering = dampening === 0 ? penalized : mul(penalized, entryShare(step, dampening, parameter));
      const moved = add(times(buffer, momentum), entering);
      const direction = nesterov ? add(penalized, times(moved, momentum)) : moved;
      return { parameter: sub(parameter, mul(learningRate, direction)), state: [moved] };
    },
  };
}

/** 1 in the first step, 1 − dampening in the others. */
const entryShare = (step: Value, dampening: number, { dtype }: Value): Value =>
  where(equal(step, scalar(0, "int64")), scalar(1, dtype), scalar(1 - dampening, dtype));

export interface AdamOptions {
  /** Shares that the averages of the gradient and of its square keep in a step. Default: 0.9 and 0.999. */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the divisor. Default: 1e-8. */
  readonly epsilon?: number | undefined;
  /** Default: 0 for Adam, 0.01 for AdamW. */
  readonly weightDecay?: number | undefined;
}

/**
 * `torch.optim.Adam`: weight decay is an L2 penalty.
 * @throws GraphError if a hyperparameter is out of range
 */
export function adam({ weightDecay = 0, ...options }: AdamOptions = {}): Optimizer {
  requireNonNegative({ "weight decay": weightDecay });
  return adaptive(options, (context) => ({
    ...context,
    gradient: withPenalty(context.gradient, context.parameter, weightDecay),
  }));
}

/**
 * `torch.optim.AdamW`: weight decay shrinks the parameter itself.
 * @throws GraphError if a hyperparameter is out of range
 */
export function adamw({ weightDecay = 0.01, ...options }: AdamOptions = {}): Optimizer {
  requireNonNegative({ "weight decay": weightDecay });
  return adaptive(options, (context) => ({ ...context, parameter: decayed(context, weightDecay) }));
}

function adaptive(
  { betas = [0.9, 0.999], epsilon = 1e-8 }: Omit<AdamOptions, "weightDecay">,
  prepare: (context: UpdateContext) => UpdateContext,
): Optimizer {
  requireBetas(betas);
  requireNonNegative({ epsilon });
  return {
    state: ["adam.m", "adam.v"],
    update: (context) => {
      const { parameter, gradient, state, learningRate, step } = prepare(context);
      const [m, v] = state as readonly [Value, Value];
      const { dtype } = parameter;
      const mean = average(m, gradient, betas[0]);
      const square = average(v, mul(gradient, gradient), betas[1]);
      const [ofMean, ofSquare] = betas.map((beta) => biasCorrection(step, beta, dtype)) as [Value, Value];
      const divisor = add(div(sqrt(square), sqrt(ofSquare)), scalar(epsilon, dtype));
      const moved = mul(div(learningRate, ofMean), div(mean, divisor));
      return { parameter: sub(parameter, moved), state: [mean, square] };
    },
  };
}

/**
 * 1 − βᵗ for step t, counted from 1. Near 1, βᵗ has lost the digits that count: with τ = tanh(t ln β / 2), it is
 * −2τ / (1 − τ).
 */
function biasCorrection(step: Value, beta: number, dtype: Value["dtype"]): Value {
  const count = cast(add(step, scalar(1, "int64")), dtype);
  const tau = tanh(times(count, Math.log(beta) / 2));
  return div(times(neg(tau), 2), sub(scalar(1, dtype), tau));
}

export interface LionOptions {
  /** The momentum's share in the update, and in the next momentum. Default: 0.9 and 0.99. */
  readonly betas?: readonly [number, number] | undefined;
  /** Default: 0. */
  readonly weightDecay?: number | undefined;
}

/**
 * Lion (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2): moves by the sign of an average
 * of momentum and gradient; weight decay shrinks the parameter itself.
 * @throws GraphError if a hyperparameter is out of range
 */
export function lion({ betas = [0.9, 0.99], weightDecay = 0 }: LionOptions = {}): Optimizer {
  requireBetas(betas);
  requireNonNegative({ "weight decay": weightDecay });
  return {
    state: ["lion.m"],
    update: (context) => {
      const { gradient, state, learningRate } = context;
      const [m] = state as readonly [Value];
      const direction = sign(average(m, gradient, betas[0]));
      return {
        parameter: sub(decayed(context, weightDecay), mul(learningRate, direction)),
        state: [average(m, gradient, betas[1])],
      };
    },
  };
}

/** −1, 0 or 1; NaN stays. */
function sign(x: Value): Value {
  const zero = scalar(0, x.dtype);
  const number = (value: number) => scalar(value, x.dtype);
  return where(greater(x, zero), number(1), where(less(x, zero), number(-1), x));
}

const times = (x: Value, factor: number): Value => mul(x, scalar(factor, x.dtype));

/** The moving average of a value, which keeps the share β of the previous average. */
const average = (previous: Value, value: Value, beta: number): Value =>
  add(times(previous, beta), times(value, 1 - beta));

const withPenalty = (gradient: Value, parameter: Value, factor: number): Value =>
  factor === 0 ? gradient : add(gradient, times(parameter, factor));

/** The parameter times 1 − learning rate · decay. */
function decayed({ parameter, learningRate }: UpdateContext, decay: number): Value {
  if (decay === 0) return parameter;
  return mul(parameter, sub(scalar(1, parameter.dtype), times(learningRate, decay)));
}

function requireNonNegative(numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
      throw new GraphError(`${name} must be a number from 0 on, got ${value}`);
    }
  }
}

function requireBetas(betas: readonly number[]): void {
  const wrong = betas.find((beta) => !(beta >= 0 && beta < 1));
  if (betas.length !== 2 || wrong !== undefined) {
    throw new GraphError(`betas must be two numbers from 0 to below 1, got ${betas.join(", ")}`);
  }
}

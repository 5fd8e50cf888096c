import { GraphError } from "@softmax-bench/graph";
import { adam, adamw, lion, type Optimizer, type StepOptions, sgd } from "@softmax-bench/onnx";
import type { Command } from "commander";
import { unknownValue } from "../../plan/unknown-value.js";
import { UsageError } from "../../terminal/errors.js";
import { parseNumber, toFlag } from "./numbers.js";

/** Flags that put an optimiser into a model. */
export interface OptimizerFlags {
  readonly optimizer?: string;
  readonly momentum?: string;
  readonly dampening?: string;
  readonly nesterov?: true;
  readonly betas?: string;
  readonly eps?: string;
  readonly weightDecay?: string;
  readonly clipNorm?: string;
  readonly accumulate?: true;
}

type Setting = "momentum" | "dampening" | "nesterov" | "betas" | "eps" | "weightDecay";

interface Choice {
  /** The hyperparameters that it has. */
  readonly settings: readonly Setting[];
  readonly make: (settings: Settings) => Optimizer;
}

interface Settings {
  readonly momentum: number | undefined;
  readonly dampening: number | undefined;
  readonly nesterov: boolean | undefined;
  readonly betas: readonly [number, number] | undefined;
  readonly epsilon: number | undefined;
  readonly weightDecay: number | undefined;
}

/** The momentum of `--optimizer momentum`, as in PyTorch's examples; PyTorch itself has none by default. */
const MOMENTUM = 0.9;
const OF_SGD: readonly Setting[] = ["momentum", "dampening", "nesterov", "weightDecay"];
const OF_ADAM: readonly Setting[] = ["betas", "eps", "weightDecay"];
const OPTIMIZERS: ReadonlyMap<string, Choice> = new Map(
  Object.entries<Choice>({
    sgd: { settings: OF_SGD, make: sgd },
    momentum: {
      settings: OF_SGD,
      make: ({ momentum = MOMENTUM, ...settings }) => sgd({ momentum, ...settings }),
    },
    adam: { settings: OF_ADAM, make: adam },
    adamw: { settings: OF_ADAM, make: adamw },
    lion: { settings: ["betas", "weightDecay"], make: lion },
  }),
);
const ALL_SETTINGS: readonly Setting[] = [...OF_SGD, "betas", "eps"];

/** Adds `OptimizerFlags` to a command. */
export const withOptimizer = (command: Command): Command =>
  command
    .option(
      "--optimizer <name>",
      `write a step of training, with updated parameters in place of gradients: ${[...OPTIMIZERS.keys()].join(", ")}; e.g. --optimizer adamw`,
    )
    .option("--momentum <x>", `of sgd (default: 0) and momentum (default: ${MOMENTUM}); e.g. --momentum 0.8`)
    .option(
      "--dampening <x>",
      "the share of a gradient that does not enter the momentum (default: 0); e.g. --dampening 0.1",
    )
    .option("--nesterov", "Nesterov momentum")
    .option(
      "--betas <a,b>",
      "of adam and adamw (default: 0.9,0.999) and lion (default: 0.9,0.99); e.g. --betas 0.9,0.95",
    )
    .option("--eps <x>", "added to the divisor of adam and adamw (default: 1e-8); e.g. --eps 1e-6")
    .option(
      "--weight-decay <x>",
      "an L2 penalty in sgd, momentum and adam, a decay of the parameters themselves in adamw and lion (default: 0.01 for adamw, 0 otherwise); e.g. --weight-decay 0.1",
    )
    .option(
      "--clip-norm <x>",
      "scale the gradients down to this norm of all of them (default: no limit); e.g. --clip-norm 1",
    )
    .option(
      "--accumulate",
      "write a model that adds gradients to given ones and, with --optimizer, one beside it that applies them: <name>.apply.onnx",
    );

/**
 * The optimiser that flags describe; undefined for none.
 * @throws UsageError if it is unknown, or a flag is not for it
 */
export function stepOptions(flags: OptimizerFlags): StepOptions | undefined {
  const { optimizer: name } = flags;
  const clipNorm = parseNumber("--clip-norm", flags.clipNorm);
  const given = ALL_SETTINGS.filter((setting) => flags[setting] !== undefined);
  if (name === undefined) {
    const alone = [...given, ...(clipNorm === undefined ? [] : ["clipNorm"])][0];
    if (alone !== undefined)
      throw new UsageError(`${toFlag(alone)} needs --optimizer, e.g. --optimizer adamw`);
    return undefined;
  }
  const choice = OPTIMIZERS.get(name);
  if (!choice) throw unknownValue("optimizer", name, [...OPTIMIZERS.keys()]);
  const wrong = given.find((setting) => !choice.settings.includes(setting));
  if (wrong !== undefined) throw new UsageError(`${toFlag(wrong)} is not for --optimizer ${name}`);
  try {
    const optimizer = choice.make({
      momentum: parseNumber("--momentum", flags.momentum),
      dampening: parseNumber("--dampening", flags.dampening),
      nesterov: flags.nesterov,
      betas: parseBetas(flags.betas),
      epsilon: parseNumber("--eps", flags.eps),
      weightDecay: parseNumber("--weight-decay", flags.weightDecay),
    });
    return { optimizer, clipNorm };
  } catch (error) {
    throw error instanceof GraphError ? new UsageError(`--optimizer ${name}: ${error.message}`) : error;
  }
}

function parseBetas(text: string | undefined): readonly [number, number] | undefined {
  if (text === undefined) return undefined;
  const [first, second, ...others] = text.split(",").map((part) => parseNumber("--betas", part.trim()));
  if (first === undefined || second === undefined || others.length > 0) {
    throw new UsageError(`--betas takes two numbers, e.g. 0.9,0.999, got ${JSON.stringify(text)}`);
  }
  return [first, second];
}

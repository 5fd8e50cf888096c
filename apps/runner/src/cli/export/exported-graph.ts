import { findMethod, type MethodId } from "@softmax-bench/core";
import {
  differentiate,
  type FloatDType,
  formatType,
  type Graph,
  input,
  inputName,
  isFloat,
} from "@softmax-bench/graph";
import {
  type AdapterOptions,
  type Model,
  type Products,
  quote,
  type ReadGraph,
  type TrainingGraph,
  type TrainingOptions,
  trainingGraph,
  withAdapters,
  withMixedPrecision,
  withProducts,
  withScaledLoss,
  withUnscaledGradients,
} from "@softmax-bench/onnx";
import { UsageError } from "../../terminal/errors.js";
import type { Checkpoints } from "./checkpoints.js";
import { rowsHead } from "./loss.js";
import type { Precision } from "./precision.js";

/** The parts of a method's computation that a model can have. */
export const PARTS = ["forward", "backward", "both"] as const;
type Part = (typeof PARTS)[number];

/** The settings of a method's export. */
export interface MethodRequest {
  readonly method: MethodId;
  readonly dtype: FloatDType;
  readonly rows: number;
  readonly classes: number;
  readonly part: Part;
  /** The label of ignored rows; undefined for none. */
  readonly ignoreIndex: number | undefined;
}

/** Loss, gradient or both of a method, as a graph. */
export function methodGraph({ method, dtype, rows, classes, part, ignoreIndex }: MethodRequest): Graph {
  const logits = input("logits", dtype, [rows, classes]);
  const { inputs, loss, gradient } = rowsHead(method, logits, { ignoreIndex });
  const [derived] = part === "forward" || gradient ? [gradient] : differentiate(loss, [logits]);
  const outputs = {
    ...(part !== "backward" && { loss }),
    ...(part !== "forward" && derived && { gradient: derived }),
  };
  const { summary } = findMethod(method).formulation;
  return {
    name: method,
    inputs: [logits, ...inputs],
    outputs,
    description: `Softmax cross-entropy by ${method} (${summary}): logits [N, C] and labels [N] to ${Object.keys(outputs).join(" and ")}, the mean over rows${ignoreIndex === undefined ? "" : ` whose label is not ${ignoreIndex}`}.`,
  };
}

export interface ModelRequest extends Omit<TrainingOptions, "checkpoints"> {
  readonly products?: Products | undefined;
  /** Low-rank adapters, which are then the only parameters. */
  readonly adapters?: AdapterOptions | undefined;
  readonly checkpoints?: Checkpoints | undefined;
  readonly precision?: Precision | undefined;
}

/** A model's training graph, for the sizes that it leaves open. */
export function modelGraph(
  model: Model,
  sizes: Readonly<Record<string, number>>,
  { wrt: names, products, adapters, checkpoints, precision, ...request }: ModelRequest,
): TrainingGraph {
  const read = model.graph(sizes, { trained: names, inner: request.logits });
  const adapted = adapters ? withAdapters(model, read, adapters) : read;
  const graph = precision ? withMixedPrecision(adapted, precision.dtype) : adapted;
  const options = precision?.scaling ? withScaledLoss(request) : request;
  const wrt = names?.flatMap((name) => namesOf(graph, name));
  const train = (kept?: readonly string[]) => trainingGraph(graph, { ...options, wrt, checkpoints: kept });
  const trained = train(checkpoints?.names(graph, train));
  const training = precision?.scaling ? withUnscaledGradients(trained) : trained;
  return products?.hessian || products?.jacobian ? withProducts(training, products) : training;
}

/** The names that a name stands for: `all` parameters, all floating-point `inputs`, or itself. */
function namesOf({ parameters, inputs }: ReadGraph, name: string): string[] {
  if (name === "all") return [...parameters.keys()];
  if (name !== "inputs") return [name];
  return inputs.filter((value) => isFloat(value) && !parameters.has(inputName(value))).map(inputName);
}

/** The floating-point tensors of a model, a line for each: its role (parameter or not), its type, and the reason. */
export const parameterList = ({ choices, initializers }: Model): string[] =>
  Array.from(choices, ([name, { isParameter, reason }]) => {
    const stored = initializers.get(name);
    const type = stored ? formatType(stored) : "";
    return `${isParameter ? "parameter" : "constant "}  ${joinNames([name])}  ${type}: ${reason}`;
  });

/** Names from a file. Names that could affect a terminal are quoted. */
export const joinNames = (names: readonly string[]): string => {
  const shown = names.slice(0, 12).map((name) => (/^[\w.:/-]{1,80}$/.test(name) ? name : quote(name)));
  return names.length > 12 ? `${shown.join(", ")} and ${names.length - 12} more` : shown.join(", ");
};

/** A size that an exported model leaves open. */
export interface OpenSize {
  /** Its name in the model. */
  readonly name: string;
  /** Its name in the exported model. */
  readonly symbol: string;
}

/** More open sizes would take hundreds of graphs to compare. */
const MOST_OPEN = 3;

/**
 * The sizes that a model leaves open and that are not given, the batch first, if it is among them. The batch is the
 * first size of the first input that has it open.
 * @param given sizes by name
 * @throws UsageError if a given size is not open, or too many are left
 */
export function openSizes(model: Model, given: Readonly<Record<string, number>>): OpenSize[] {
  const open = new Set(model.inputs.flatMap(({ shape }) => shape.filter((size) => typeof size === "string")));
  const unknown = Object.keys(given).find((name) => !open.has(name));
  if (unknown !== undefined) {
    throw new UsageError(
      `the model leaves no size ${quote(unknown)} open; it leaves ${joinNames([...open]) || "none"}`,
    );
  }
  const batch = model.inputs.map(({ shape }) => shape[0]).find((size) => typeof size === "string");
  const left = [...open].filter((name) => !Object.hasOwn(given, name));
  if (left.length > MOST_OPEN) {
    throw new UsageError(
      `the model leaves the sizes ${joinNames(left)} open, of which ${MOST_OPEN} may stay so; give the others, e.g. --size ${joinNames(left.slice(-1))}=8`,
    );
  }
  const ordered = left.filter((name) => name === batch).concat(left.filter((name) => name !== batch));
  return ordered.map((name, at) => ({ name, symbol: name === batch ? BATCH : toSymbol(name, at) }));
}

/** The name of a batch's size. */
export const BATCH = "batch";

/** A name that any reader accepts. */
const toSymbol = (name: string, at: number): string =>
  /^[A-Za-z_]\w{0,40}$/.test(name) && name !== BATCH ? name : `size_${at}`;

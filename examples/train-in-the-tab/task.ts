import { formatType, sizeOf } from "@softmax-bench/graph";
import { type Model, ModelError, type ModelInput, quote } from "@softmax-bench/onnx";
import { CLASSES, IMAGE } from "./data.ts";
import type { Sizes } from "./train.ts";

/** The data that a model is trained on. */
export interface Task {
  readonly kind: "images" | "text";
  /** The name of its only input. */
  readonly input: string;
  /** The name of its only output. */
  readonly logits: string;
  readonly batch: number;
  /** Characters of a row of text. */
  readonly length: number;
  /** Classes, or different characters. */
  readonly classes: number;
  /** The sizes that the model leaves open. */
  readonly sizes: Sizes;
}

/** The length of a row of text if the model leaves it open. */
const LENGTH = 32;

/**
 * @param wanted the batch size, for models that leave it open
 * @throws ModelError if it is a model of something else, or its logits do not fit
 */
export function taskOf(model: Model, wanted: number): Task {
  const [input, ...moreInputs] = model.inputs;
  const [logits, ...moreOutputs] = model.outputs;
  const kind = input && kindOf(input);
  if (!input || !kind || logits === undefined || moreInputs.length > 0 || moreOutputs.length > 0) {
    throw new ModelError(
      `expected images float32[N,3,32,32] or tokens int64[N,T] as the only input, and logits as the only output; got ${listed(model)}`,
    );
  }
  const usual = kind === "images" ? [wanted, ...IMAGE] : [wanted, LENGTH];
  const named = input.shape.map((size, axis) => [size, usual[axis] as number] as const);
  const sizes = Object.fromEntries(named.filter(([size]) => typeof size === "string"));
  const [batch = 0, length = 0] = named.map(([size, open]) => (typeof size === "string" ? open : size));
  const graph = model.graph(sizes);
  const other = [...graph.parameters].find(([, { dtype }]) => dtype !== "float32");
  if (other)
    throw new ModelError(`expected weights in float32, got ${formatType(other[1])} as ${quote(other[0])}`);
  const value = graph.outputs[logits];
  const rows = kind === "images" ? [batch] : [batch, length];
  const classes = value?.shape.at(-1) ?? 0;
  const least = kind === "images" ? CLASSES : 2;
  const isOfRows = value?.dtype === "float32" && sizeOf(value.shape.slice(0, -1)) === sizeOf(rows);
  if (!isOfRows || classes < least) {
    throw new ModelError(
      `expected logits float32[${rows},C] of ${least} classes or more, got ${value && formatType(value)} as ${quote(logits)}`,
    );
  }
  return { kind, input: input.name, logits, batch, length, classes, sizes };
}

function kindOf({ dtype, shape }: ModelInput): Task["kind"] | undefined {
  const fits = (sizes: readonly number[]) =>
    shape.length === 1 + sizes.length &&
    sizes.every((size, at) => typeof shape[at + 1] === "string" || shape[at + 1] === size);
  if (dtype === "float32" && fits(IMAGE)) return "images";
  return (dtype === "int64" || dtype === "int32") && shape.length === 2 ? "text" : undefined;
}

const listed = ({ inputs, outputs }: Model): string =>
  [
    ...inputs.slice(0, 4).map(({ name, dtype, shape }) => `input ${quote(name)} ${dtype}[${shape}]`),
    ...outputs.slice(0, 4).map((name) => `output ${quote(name)}`),
  ].join(", ");

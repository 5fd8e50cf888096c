import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DTYPE_IDS, messageOf } from "@softmax-bench/core";
import {
  BudgetError,
  DEFAULT_ELEMENTS,
  type Graph,
  GraphError,
  inputName,
  MissingKernel,
  optimize,
  withBudget,
} from "@softmax-bench/graph";
import { IGNORED_LABEL, ModelError, OPSET, serialize, serializeOpen } from "@softmax-bench/onnx";
import { loadModel } from "@softmax-bench/onnx/node";
import { forCpu, forWebgpu, type Legalize } from "@softmax-bench/onnxruntime";
import { writeAtomically } from "../../fs/write-atomically.js";
import { unknownValue } from "../../plan/unknown-value.js";
import { type Console, writeLine } from "../../terminal/console.js";
import { EXIT, UsageError } from "../../terminal/errors.js";
import { commaSeparated, newCommand } from "../command.js";
import { BATCH, joinNames, PARTS, parameterList } from "../export/exported-graph.js";
import { checkFlags, DYNAMIC, type ExportFlags, parseMaxElements } from "../export/flags.js";
import { parseLora } from "../export/lora.js";
import { NO_LABEL, withLoss } from "../export/loss.js";
import { toFlag } from "../export/numbers.js";
import { withOptimizer } from "../export/optimizer.js";
import { withPrecision } from "../export/precision.js";
import { methodSource, modelSource, refuseSameFile, type Target } from "../export/source.js";
import { writeWeights } from "../export/write-weights.js";

/** The runtimes whose kernels a model can be written for. */
const TARGETS: ReadonlyMap<string, Legalize> = new Map(
  Object.entries({
    "onnxruntime-cpu": forCpu,
    "onnxruntime-webgpu": forWebgpu,
    any: optimize,
  }),
);

export const command = () =>
  withPrecision(withOptimizer(withLoss(newCommand("export"))))
    .description(
      "Writes an ONNX model: a method's loss and gradient (--method), the training graph of a model of yours (--model), or the model itself with other weights (--write-back).",
    )
    .option("--out <file>", "the model to write; e.g. --out loss.onnx")
    .option("--method <id>", "a method of the benchmark; e.g. --method manual/shifted")
    .option("--workload <id>", "its shape, by workload or as <N>x<C>; e.g. --workload 64x1000")
    .option("--dtype <dtype>", `${DTYPE_IDS.join(", ")} (default: float32); e.g. --dtype float64`)
    .option("--graph <part>", `${PARTS.join(", ")} (default: both); e.g. --graph forward`)
    .option("--model <file>", "an ONNX model, operator set 7 or later; e.g. --model net.onnx")
    .option(
      "--write-back <file>",
      "write the model itself with other weights, from a .safetensors file; all its other bytes stay; e.g. --write-back trained.safetensors",
    )
    .option(
      "--wrt <names>",
      "all parameters (default), all floating-point inputs, or stored tensors and inputs by name; e.g. --wrt all,inputs or --wrt fc.weight",
      commaSeparated,
    )
    .option(
      "--lora <settings>",
      "train low-rank adapters of matrices alone, W + scale · B A, or merge them (--write-back); e.g. --lora 'rank=8,targets=*.attn.*,scale=2'",
    )
    .option(
      "--checkpoint <names>",
      "keep these values of the model for the backward pass, which computes those between them again: less memory, more time; or auto, to have them chosen; e.g. --checkpoint block3,block6",
      commaSeparated,
    )
    .option("--hvp", "Hessian-vector products, too: <name>.direction in, <name>.hvp out")
    .option(
      "--jvp",
      "Jacobian-vector products of loss and outputs, too: <name>.direction in, <output>.jvp out",
    )
    .option(
      "--list-parameters",
      "list the floating-point tensors that the model stores: which are parameters, which constants, and why; writes nothing without --out",
    )
    .option(
      "--logits <value>",
      "the output that the logits are, if there are several, or a value inside the model; e.g. --logits logits",
    )
    .option(
      "--class-axis <n>",
      "the axis of the logits that the classes are on (default: as the layer that makes them has it); e.g. --class-axis 1",
    )
    .option(
      "--force",
      "export although the logits are probabilities or of one class, or there are no parameters",
    )
    .option(
      "--size <name=n>",
      "what a size is that the model leaves open (default: it stays open); e.g. --size length=128",
      commaSeparated,
    )
    .option(
      "--batch <n>",
      `the batch size, or ${DYNAMIC} for any (default: the rows of the workload; open if the model leaves it open)`,
    )
    .option(
      "--max-elements <n>",
      `how many elements of constants may be computed while the model is written, and a node made for every 128 of them (default: ${DEFAULT_ELEMENTS}); e.g. --max-elements 1000000000`,
    )
    .option(
      "--ignore-index <n>",
      `rows with this label have no loss, ${NO_LABEL} for none; the model refuses other labels that are no class`,
      String(IGNORED_LABEL),
    )
    .option(
      "--target <runtime>",
      `write what this runtime has no kernels for in simpler operators: ${[...TARGETS.keys()].join(", ")}`,
      "onnxruntime-cpu",
    )
    .addHelpText("after", "\nExit codes: 0 written; 2 wrong usage or input, nothing is written.");

/** Writes a model. */
export async function exportModel(argv: readonly string[], { stdout }: Console): Promise<number> {
  const flags = command().parse(argv, { from: "user" }).opts<ExportFlags>();
  const legalize = parseTarget(flags.target);
  checkFlags(flags);
  if (flags.listParameters) {
    for (const line of listParameters(flags.model)) writeLine(stdout, line);
    if (flags.out === undefined) return EXIT.ok;
  }
  if (flags.out === undefined)
    throw new UsageError("--out is missing: the model to write, e.g. --out loss.onnx");
  const out = writable(flags.out);
  if (flags.model !== undefined && flags.writeBack !== undefined) {
    refuseSameFile(flags.model, out);
    writeLine(stdout, writeWeights(flags.model, flags.writeBack, out, parseLora(flags.lora)));
    return EXIT.ok;
  }
  const elements = parseMaxElements(flags.maxElements) ?? DEFAULT_ELEMENTS;
  let made: readonly Made[];
  let notes: readonly (string | undefined)[];
  try {
    const source =
      flags.model === undefined ? methodSource(flags, out) : modelSource(flags, flags.model, out);
    made = source.targets.map((target) => withBudget(elements, () => make(target, legalize)));
    notes = [checkpointsNote(source.checkpoints?.chosen), constantsNote(source.constants)];
  } catch (error) {
    throw inWords(error, flags);
  }
  for (const { file, bytes } of made) write(file, bytes);
  for (const line of made.flatMap(summary)) writeLine(stdout, line);
  for (const note of notes) if (note !== undefined) writeLine(stdout, note);
  return EXIT.ok;
}

interface Made {
  readonly file: string;
  readonly bytes: Uint8Array;
  /** The graph, for some value of each open size. */
  readonly graph: Graph;
}

function make({ file, buildGraph, open }: Target, legalize: Legalize): Made {
  // With a batch of 1, refusals name small shapes. Other sizes may have to be larger.
  let first = open.length > 1 ? undefined : buildGraph({ [open[0] ?? BATCH]: 1 });
  const remembered = (graph: Graph): Graph => {
    first ??= graph;
    return graph;
  };
  const bytes =
    open.length > 0
      ? serializeOpen(open, (sizes) => legalize(remembered(buildGraph(sizes)), { fold: false }))
      : serialize(legalize(first as Graph));
  return { file, bytes, graph: first as Graph };
}

function write(file: string, bytes: Uint8Array): void {
  try {
    writeAtomically(file, bytes);
  } catch (error) {
    throw new UsageError(`cannot write --out ${file}: ${messageOf(error)}`);
  }
}

/** The refusal of a model or a graph as one line. A file may hold anything, so its reader may throw any error. */
function inWords(
  error: unknown,
  {
    model,
    mixedPrecision,
  }: { readonly model?: string | undefined; readonly mixedPrecision?: string | undefined },
): unknown {
  if (error instanceof UsageError) return error;
  const isRefusal = error instanceof ModelError || error instanceof GraphError;
  if (model === undefined) return isRefusal ? new UsageError(error.message) : error;
  if (!isRefusal) {
    return new UsageError(
      `--model ${model}: cannot be exported (${String(error)}); check it with onnx.checker`,
    );
  }
  const remedy = isOverBudget(error)
    ? "; --max-elements raises the limit"
    : error instanceof MissingKernel
      ? `; ${mixedPrecision === "bfloat16" ? "--mixed-precision float16 has kernels, and " : ""}--target any writes the model for other runtimes`
      : "";
  return new UsageError(`--model ${model}: ${withFlags(error.message)}${remedy}`);
}

/** Names the options of `trainingGraph` in a message as flags. */
const withFlags = (message: string): string =>
  message.replace(/\(`(logits|classAxis|wrt|force)`\)/g, (_, option: string) => `(${toFlag(option)})`);

/** True if the budget was exceeded, within whatever node. */
const isOverBudget = (error: unknown): boolean =>
  error instanceof BudgetError || (error instanceof Error && isOverBudget(error.cause));

function parseTarget(name: string): Legalize {
  const target = TARGETS.get(name);
  if (!target) throw unknownValue("target", name, [...TARGETS.keys()]);
  return target;
}

/** Lists the contents of a model. Reading it may fail as in an export. */
function listParameters(file: string | undefined): string[] {
  try {
    return file === undefined ? [] : parameterList(loadModel(file));
  } catch (error) {
    throw inWords(error, { model: file });
  }
}

/** @throws UsageError if the file cannot be written; checked before any work is done. */
function writable(file: string): string {
  const folder = statSync(dirname(resolve(file)), { throwIfNoEntry: false });
  if (!folder?.isDirectory())
    throw new UsageError(`--out ${file}: there is no folder ${dirname(resolve(file))}`);
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`--out ${file}: is a folder; give a file, e.g. --out ${file}/model.onnx`);
  }
  return file;
}

/** The line about chosen checkpoints; undefined if they were named. */
function checkpointsNote(names: readonly string[] | undefined): string | undefined {
  if (names?.length === 0) return "  no checkpoints: they would save no memory";
  return names && `  checkpoints: ${names.map((name) => joinNames([name])).join(",")}`;
}

const constantsNote = (count: number): string | undefined =>
  count === 0
    ? undefined
    : `  ${count} other floating-point ${count === 1 ? "tensor" : "tensors"} of the model ${count === 1 ? "is a constant" : "are constants"}: --list-parameters says which, and why`;

function summary({ file, bytes, graph: { inputs, outputs } }: Made): string[] {
  const size =
    bytes.length < 1e6 ? `${Math.ceil(bytes.length / 1e3)} kB` : `${(bytes.length / 1e6).toFixed(1)} MB`;
  return [
    `wrote ${file}: ${size}, operator set ${OPSET}`,
    `  inputs: ${joinNames(inputs.map(inputName))}`,
    `  outputs: ${joinNames(Object.keys(outputs))}`,
  ];
}

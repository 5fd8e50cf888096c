import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { MethodId } from "@softmax-bench/core";
import { DTYPE_IDS, messageOf } from "@softmax-bench/core";
import {
  BudgetError,
  DEFAULT_ELEMENTS,
  type Graph,
  GraphError,
  inputName,
  optimize,
  withBudget,
} from "@softmax-bench/graph";
import {
  IGNORED_LABEL,
  loadModel,
  type Model,
  ModelError,
  OPSET,
  serialize,
  serializeOpen,
} from "@softmax-bench/onnx";
import { forCpu, forWebgpu, type Legalize } from "@softmax-bench/onnxruntime";
import { writeAtomically } from "../../fs/write-atomically.js";
import type { Registry } from "../../plan/load-backends.js";
import { select } from "../../plan/selection.js";
import { unknownValue } from "../../plan/unknown-value.js";
import { type Console, writeLine } from "../../terminal/console.js";
import { EXIT, UsageError } from "../../terminal/errors.js";
import { commaSeparated, newCommand, parseIgnoreIndex } from "../command.js";
import {
  BATCH,
  CROSS_ENTROPY,
  joinNames,
  methodGraph,
  modelGraph,
  openSizes,
  PARTS,
  parameterList,
} from "../export/exported-graph.js";

/** The runtimes whose kernels a model can be written for. */
const TARGETS: ReadonlyMap<string, Legalize> = new Map(
  Object.entries({
    "onnxruntime-cpu": forCpu,
    "onnxruntime-webgpu": forWebgpu,
    any: optimize,
  }),
);
const DYNAMIC = "dynamic";
const NO_LABEL = "none";

interface Flags {
  readonly out?: string;
  readonly target: string;
  readonly batch?: string;
  readonly ignoreIndex: string;
  readonly method?: string;
  readonly workload?: string;
  readonly dtype?: string;
  readonly graph?: string;
  readonly model?: string;
  readonly loss?: string;
  readonly wrt?: string[];
  readonly logits?: string;
  readonly classAxis?: string;
  readonly listParameters?: true;
  readonly force?: true;
  readonly size?: string[];
  readonly maxElements?: string;
}

export const command = () =>
  newCommand("export")
    .description(
      "Writes an ONNX model: a method's loss and gradient (--method), or the training graph of a model of yours (--model).",
    )
    .option("--out <file>", "the model to write; e.g. --out loss.onnx")
    .option("--method <id>", "a method of the benchmark; e.g. --method manual/shifted")
    .option("--workload <id>", "its shape, by workload or as <N>x<C>; e.g. --workload 64x1000")
    .option("--dtype <dtype>", `${DTYPE_IDS.join(", ")} (default: float32); e.g. --dtype float64`)
    .option("--graph <part>", `${PARTS.join(", ")} (default: both); e.g. --graph forward`)
    .option("--model <file>", "an ONNX model, operator set 13 or later; e.g. --model net.onnx")
    .option("--loss <name>", `${CROSS_ENTROPY} (default), or a method; e.g. --loss manual/exact-target`)
    .option(
      "--wrt <names>",
      "all parameters (default), or stored tensors and inputs to differentiate with respect to; e.g. --wrt fc.weight",
      commaSeparated,
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

/** A graph for each combination of open sizes, or a single one if no size is open. */
interface Source {
  readonly buildGraph: (sizes: Readonly<Record<string, number>>) => Graph;
  /** Names of the sizes that stay open in the exported model, the batch first. */
  readonly open: readonly string[];
  /** Number of stored floating-point tensors that are taken for constants. */
  readonly constants: number;
}

/** Writes a model. */
export async function exportModel(argv: readonly string[], { stdout }: Console): Promise<number> {
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  const legalize = parseTarget(flags.target);
  checkFlags(flags);
  if (flags.listParameters) {
    for (const line of listParameters(flags.model)) writeLine(stdout, line);
    if (flags.out === undefined) return EXIT.ok;
  }
  if (flags.out === undefined)
    throw new UsageError("--out is missing: the model to write, e.g. --out loss.onnx");
  const out = writable(flags.out);
  const elements = parseMaxElements(flags.maxElements);
  let bytes: Uint8Array;
  let graph: Graph;
  let constants: number;
  try {
    const source = flags.model === undefined ? methodSource(flags) : modelSource(flags, flags.model, out);
    const { buildGraph, open } = source;
    constants = source.constants;
    [graph, bytes] = withBudget(elements, () => {
      // With a batch of 1, refusals name small shapes. Other sizes may have to be larger.
      let first = open.length > 1 ? undefined : buildGraph({ [open[0] ?? BATCH]: 1 });
      const remembered = (made: Graph): Graph => {
        first ??= made;
        return made;
      };
      const written =
        open.length > 0
          ? serializeOpen(open, (sizes) => legalize(remembered(buildGraph(sizes)), { fold: false }))
          : serialize(legalize(first as Graph));
      return [first as Graph, written];
    });
  } catch (error) {
    throw inWords(error, flags.model);
  }
  try {
    writeAtomically(out, bytes);
  } catch (error) {
    throw new UsageError(`cannot write --out ${out}: ${messageOf(error)}`);
  }
  for (const line of summary(out, bytes, graph)) writeLine(stdout, line);
  if (constants > 0) writeLine(stdout, constantsNote(constants));
  return EXIT.ok;
}

/** The refusal of a model or a graph as one line. A file may hold anything, so its reader may throw any error. */
function inWords(error: unknown, model: string | undefined): unknown {
  if (error instanceof UsageError) return error;
  const isRefusal = error instanceof ModelError || error instanceof GraphError;
  if (model === undefined) return isRefusal ? new UsageError(error.message) : error;
  if (!isRefusal) {
    return new UsageError(
      `--model ${model}: cannot be exported (${String(error)}); check it with onnx.checker`,
    );
  }
  const remedy = isOverBudget(error) ? "; --max-elements raises the limit" : "";
  return new UsageError(`--model ${model}: ${error.message}${remedy}`);
}

/** True if the budget was exceeded, within whatever node. */
const isOverBudget = (error: unknown): boolean =>
  error instanceof BudgetError || (error instanceof Error && isOverBudget(error.cause));

const BY_METHOD = ["workload", "dtype", "graph"] as const;
const BY_MODEL = ["loss", "wrt", "logits", "classAxis", "listParameters", "force", "size"] as const;

/** @throws UsageError unless the flags belong to one of the two ways to export. */
function checkFlags(flags: Flags): void {
  if ((flags.method === undefined) === (flags.model === undefined)) {
    throw new UsageError("give either --method and --workload, or --model");
  }
  const [mode, foreign] = flags.model === undefined ? ["--method", BY_MODEL] : ["--model", BY_METHOD];
  const wrong = foreign.find((name) => flags[name] !== undefined);
  if (wrong) {
    const flag = wrong.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new UsageError(`--${flag} does not go with ${mode}`);
  }
  if (flags.method !== undefined && flags.workload === undefined) {
    throw new UsageError("--method needs --workload, e.g. --workload 64x1000");
  }
}

function parseTarget(name: string): Legalize {
  const target = TARGETS.get(name);
  if (!target) throw unknownValue("target", name, [...TARGETS.keys()]);
  return target;
}

/** A model is for any runtime. */
const NO_BACKENDS: Registry = { backends: [], ownMethods: new Map() };

function methodSource(flags: Flags): Source {
  const { method, workload, dtype = "float32", graph = "both", batch, ignoreIndex } = flags;
  const part = PARTS.find((known) => known === graph);
  if (!part) throw unknownValue("graph", graph, PARTS);
  const workloads = workload === undefined ? [] : [workload];
  const selected = select({ methods: undefined, dtypes: [dtype], workloads }, NO_BACKENDS);
  const [shape] = selected.workloads;
  const [type = "float32"] = selected.dtypes;
  const [{ rows, classes }, id] = [shape ?? { rows: 1, classes: 1 }, methodId(method ?? "")];
  const request = { method: id, dtype: type, classes, part, ignoreIndex: ignoredLabel(ignoreIndex) };
  const given = parseBatch(batch) ?? rows;
  return {
    buildGraph: ({ [BATCH]: size = rows }) =>
      methodGraph({ ...request, rows: given === DYNAMIC ? size : given }),
    open: given === DYNAMIC ? [BATCH] : [],
    constants: 0,
  };
}

/** The id of a single method; a pattern of several is refused. */
function methodId(wanted: string): MethodId {
  const { methods } = select({ methods: [wanted], workloads: [] }, NO_BACKENDS);
  const [method, ...others] = methods;
  if (!method || others.length > 0) throw new UsageError(`give one method, got ${wanted}`);
  return method;
}

function modelSource(flags: Flags, file: string, out: string): Source {
  const model = loadModel(file);
  if (sameFile(file, out)) throw new UsageError(`--out ${out} is the model itself; choose another name`);
  const left = openSizes(model, parseSizes(flags.size ?? []));
  const batch = left.find(({ symbol }) => symbol === BATCH);
  const wanted = parseBatch(flags.batch);
  if (!batch && wanted !== undefined) {
    throw new UsageError(`--batch ${flags.batch}: the model's batch is fixed: ${describeInputs(model)}`);
  }
  const isGiven = batch !== undefined && typeof wanted === "number";
  const sizes = { ...parseSizes(flags.size ?? []), ...(isGiven && { [batch.name]: wanted }) };
  const open = isGiven ? left.filter((size) => size !== batch) : left;
  const request = {
    loss: flags.loss === undefined || flags.loss === CROSS_ENTROPY ? CROSS_ENTROPY : methodId(flags.loss),
    wrt: flags.wrt?.includes("all") ? undefined : flags.wrt,
    logits: flags.logits,
    classAxis: parseClassAxis(flags.classAxis),
    force: flags.force ?? false,
    ignoreIndex: ignoredLabel(flags.ignoreIndex),
  } as const;
  return {
    buildGraph: (values) => {
      const chosen = open.map(({ name, symbol }) => [name, values[symbol] as number] as const);
      return modelGraph(model, { ...sizes, ...Object.fromEntries(chosen) }, request);
    },
    open: open.map(({ symbol }) => symbol),
    constants: request.wrt ? 0 : [...model.choices.values()].filter(({ isParameter }) => !isParameter).length,
  };
}

/** Lists the contents of a model. Reading it may fail as in an export. */
function listParameters(file: string | undefined): string[] {
  try {
    return file === undefined ? [] : parameterList(loadModel(file));
  } catch (error) {
    throw inWords(error, file);
  }
}

function parseClassAxis(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^-?\d{1,2}$/.test(text)) {
    throw new UsageError(`--class-axis takes an axis of the logits, e.g. 1, got ${JSON.stringify(text)}`);
  }
  return Number(text);
}

const describeInputs = ({ inputs }: Model): string =>
  inputs
    .slice(0, 12)
    .map(({ name, shape }) => `${joinNames([name])} [${joinNames(shape.map(String))}]`)
    .join(", ");

function parseBatch(text: string | undefined): number | typeof DYNAMIC | undefined {
  if (text === undefined || text === DYNAMIC) return text;
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new UsageError(`--batch takes a number from 1 on, or ${DYNAMIC}, got ${JSON.stringify(text)}`);
  }
  return Number(text);
}

function parseMaxElements(text: string | undefined): number {
  if (text === undefined) return DEFAULT_ELEMENTS;
  if (!/^[1-9]\d{0,14}$/.test(text)) {
    throw new UsageError(`--max-elements takes a number from 1 on, got ${JSON.stringify(text)}`);
  }
  return Number(text);
}

const ignoredLabel = (text: string): number | undefined =>
  text === NO_LABEL ? undefined : parseIgnoreIndex(text, `a whole number or ${NO_LABEL}`);

function parseSizes(pairs: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, size] = /^(.+)=([1-9]\d{0,8})$/.exec(pair) ?? [];
      if (name === undefined) throw new UsageError(`--size takes <name>=<n>, got ${JSON.stringify(pair)}`);
      return [name, Number(size)];
    }),
  );
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

function sameFile(a: string, b: string): boolean {
  const [first, second] = [a, b].map((file) => statSync(file, { throwIfNoEntry: false }));
  return first !== undefined && first.ino === second?.ino && first.dev === second?.dev;
}

const constantsNote = (count: number): string =>
  `  ${count} other floating-point ${count === 1 ? "tensor" : "tensors"} of the model ${count === 1 ? "is a constant" : "are constants"}: --list-parameters says which, and why`;

function summary(file: string, bytes: Uint8Array, { inputs, outputs }: Graph): string[] {
  const size =
    bytes.length < 1e6 ? `${Math.ceil(bytes.length / 1e3)} kB` : `${(bytes.length / 1e6).toFixed(1)} MB`;
  return [
    `wrote ${file}: ${size}, operator set ${OPSET}`,
    `  inputs: ${joinNames(inputs.map(inputName))}`,
    `  outputs: ${joinNames(Object.keys(outputs))}`,
  ];
}

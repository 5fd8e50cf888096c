import { statSync } from "node:fs";
import { parse } from "node:path";
import type { MethodId } from "@softmax-bench/core";
import type { Graph } from "@softmax-bench/graph";
import {
  accumulationStep,
  applyStep,
  type Model,
  type TrainingGraph,
  trainingStep,
  withDynamicScale,
} from "@softmax-bench/onnx";
import { loadModel } from "@softmax-bench/onnx/node";
import type { Registry } from "../../plan/load-backends.js";
import { select } from "../../plan/selection.js";
import { unknownValue } from "../../plan/unknown-value.js";
import { UsageError } from "../../terminal/errors.js";
import { Checkpoints } from "./checkpoints.js";
import { BATCH, joinNames, methodGraph, modelGraph, openSizes, PARTS } from "./exported-graph.js";
import { DYNAMIC, type ExportFlags, parseBatch, parseClassAxis, parseSizes } from "./flags.js";
import { parseLora } from "./lora.js";
import { ignoredLabel, parseLoss } from "./loss.js";
import { stepOptions } from "./optimizer.js";
import { type Precision, parsePrecision } from "./precision.js";

/** A file to write: a graph for each combination of open sizes, or a single one if no size is open. */
export interface Target {
  readonly file: string;
  readonly buildGraph: (sizes: Readonly<Record<string, number>>) => Graph;
  /** Names of the sizes that stay open in the exported model, the batch first. */
  readonly open: readonly string[];
}

export interface Source {
  /** Graphs of later targets may be made from those of the first. */
  readonly targets: readonly Target[];
  /** Number of stored floating-point tensors that are taken for constants. */
  readonly constants: number;
  readonly checkpoints?: Checkpoints | undefined;
}

/** A model is for any runtime. */
const NO_BACKENDS: Registry = { backends: [], ownMethods: new Map() };

/** A method's loss and gradient. */
export function methodSource(flags: ExportFlags, out: string): Source {
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
  const buildGraph: Target["buildGraph"] = ({ [BATCH]: size = rows }) =>
    methodGraph({ ...request, rows: given === DYNAMIC ? size : given });
  return { targets: [{ file: out, buildGraph, open: given === DYNAMIC ? [BATCH] : [] }], constants: 0 };
}

/** The id of a single method; a pattern of several is refused. */
function methodId(wanted: string): MethodId {
  const { methods } = select({ methods: [wanted], workloads: [] }, NO_BACKENDS);
  const [method, ...others] = methods;
  if (!method || others.length > 0) throw new UsageError(`give one method, got ${wanted}`);
  return method;
}

/** The training graph of a user's model, or a step of an optimiser. */
export function modelSource(flags: ExportFlags, file: string, out: string): Source {
  const step = stepOptions(flags);
  const objective = parseLoss(flags, methodId);
  const model = loadModel(file);
  refuseSameFile(file, out);
  const left = openSizes(model, parseSizes(flags.size ?? []));
  const batch = left.find(({ symbol }) => symbol === BATCH);
  const wanted = parseBatch(flags.batch);
  if (!batch && wanted !== undefined) {
    throw new UsageError(`--batch ${flags.batch}: the model's batch is fixed: ${describeInputs(model)}`);
  }
  const isGiven = batch !== undefined && typeof wanted === "number";
  const sizes = { ...parseSizes(flags.size ?? []), ...(isGiven && { [batch.name]: wanted }) };
  const open = isGiven ? left.filter((size) => size !== batch) : left;
  const checkpoints = flags.checkpoint && new Checkpoints(flags.checkpoint);
  const precision = parsePrecision(flags);
  const request = {
    precision,
    head: objective.head,
    loss: objective.loss,
    wrt: flags.wrt,
    adapters: parseLora(flags.lora),
    checkpoints,
    products: { hessian: flags.hvp ?? false, jacobian: flags.jvp ?? false },
    logits: objective.output ?? flags.logits,
    classAxis: parseClassAxis(flags.classAxis),
    force: flags.force ?? false,
  };
  const training = (values: Readonly<Record<string, number>>): TrainingGraph => {
    const chosen = open.map(({ name, symbol }) => [name, values[symbol] as number] as const);
    return modelGraph(model, { ...sizes, ...Object.fromEntries(chosen) }, request);
  };
  const constants = [...model.choices.values()].filter(({ isParameter }) => !isParameter).length;
  return {
    targets: targetsOf(training, { out, open: open.map(({ symbol }) => symbol), step, precision, flags }),
    constants: request.wrt && !request.wrt.includes("all") ? 0 : constants,
    checkpoints,
  };
}

interface TargetOptions {
  readonly out: string;
  readonly open: readonly string[];
  readonly step: ReturnType<typeof stepOptions>;
  readonly precision: Precision | undefined;
  readonly flags: ExportFlags;
}

/** The gradients, a step with them, or the two halves of a step. */
function targetsOf(
  training: (sizes: Readonly<Record<string, number>>) => TrainingGraph,
  { out, open, step, precision, flags: { accumulate } }: TargetOptions,
): Target[] {
  const scaled = (graph: Graph, of: TrainingGraph): Graph =>
    precision?.scaling ? withDynamicScale(graph, of, precision.scaling) : graph;
  if (!accumulate) {
    const buildGraph: Target["buildGraph"] = (sizes) => {
      const made = training(sizes);
      return step ? scaled(trainingStep(made, step), made) : made;
    };
    return [{ file: out, open, buildGraph }];
  }
  let made: TrainingGraph | undefined;
  const accumulating: Target = {
    file: out,
    open,
    buildGraph: (sizes) => {
      made = training(sizes);
      return accumulationStep(made);
    },
  };
  if (!step) return [accumulating];
  const { dir, name, ext } = parse(out);
  const applying: Target = {
    file: `${dir === "" ? "" : `${dir}/`}${name}.apply${ext}`,
    open: [],
    // Whatever the sizes were: parameters have none of them.
    buildGraph: () => scaled(applyStep(made as TrainingGraph, step), made as TrainingGraph),
  };
  return [accumulating, applying];
}

const describeInputs = ({ inputs }: Model): string =>
  inputs
    .slice(0, 12)
    .map(({ name, shape }) => `${joinNames([name])} [${joinNames(shape.map(String))}]`)
    .join(", ");

/** @throws UsageError if a model would be overwritten */
export function refuseSameFile(model: string, out: string): void {
  const [first, second] = [model, out].map((file) => statSync(file, { throwIfNoEntry: false }));
  if (first === undefined || first.ino !== second?.ino || first.dev !== second?.dev) return;
  throw new UsageError(`--out ${out} is the model itself; choose another name`);
}

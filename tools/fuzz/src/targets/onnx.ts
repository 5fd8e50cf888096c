import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  add,
  cast,
  DEFAULT_ELEMENTS,
  differentiate,
  type Graph,
  GraphError,
  isFloat,
  reduceSum,
  scalar,
  withBudget,
} from "@softmax-bench/graph";
import {
  type Model,
  ModelError,
  parseModel,
  type ReadGraph,
  serialize,
  serializeBatched,
  trainingGraph,
} from "@softmax-bench/onnx";
import { forCpu } from "@softmax-bench/onnxruntime";
import { type GraphProtoSchema, ModelProtoSchema } from "../../../../packages/onnx/dist/proto/onnx_pb.js";
import { mutateBytes } from "../mutate/bytes.js";
import { Dictionary, mutateMessage } from "../mutate/message.js";
import type { Random } from "../random.js";
import { ROOT, readCorpus, type Target } from "./target.js";

const FIXTURES = join(ROOT, "packages/onnx/test/fixtures");

/** Models of PyTorch's exporter, and ONNX's own tests of its operators. */
function goodModels(): Uint8Array[] {
  const files = readdirSync(FIXTURES).filter((file) => file.endsWith(".onnx"));
  const [, ...cases] = readFileSync(join(FIXTURES, "node-suite.jsonl"), "utf8").trimEnd().split("\n");
  return [
    ...files.toSorted().map((file) => readFileSync(join(FIXTURES, file))),
    ...cases.map((line) => Buffer.from((JSON.parse(line) as { model: string }).model, "base64")),
  ];
}

let known: Dictionary | undefined;

function dictionary(): Dictionary {
  if (known) return known;
  known = new Dictionary();
  for (const bytes of goodModels()) known.add(ModelProtoSchema, fromBinary(ModelProtoSchema, bytes));
  return known;
}

/** Graphs in attributes of nodes of graphs, nested to a depth. */
function nested(depth: number): Uint8Array {
  let graph: MessageInitShape<typeof GraphProtoSchema> = { name: "innermost" };
  for (let level = 0; level < depth; level++) {
    graph = { node: [{ opType: "If", attribute: [{ name: "then_branch", type: 5, g: graph }] }] };
  }
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, graph }));
}

function mutate(file: Uint8Array, random: Random): Uint8Array {
  if (random.chance(0.1)) return mutateBytes(file, random);
  if (random.chance(0.001)) return nested(random.pick([10, 500]));
  let model: ReturnType<typeof decode>;
  try {
    model = decode(file);
  } catch {
    return mutateBytes(file, random);
  }
  mutateMessage(ModelProtoSchema, model, dictionary(), random);
  return toBinary(ModelProtoSchema, model);
}

const decode = (file: Uint8Array) => fromBinary(ModelProtoSchema, file);

/** Exports a model with small open sizes, except for the batch, which may have any size. */
function exportModel(model: Model): void {
  const open = [
    ...new Set(model.inputs.flatMap(({ shape }) => shape.filter((size) => typeof size === "string"))),
  ];
  const sizes = Object.fromEntries(open.map((name) => [name, 2]));
  const [batch] = open;
  withBudget(DEFAULT_ELEMENTS, () => {
    const graph = model.graph(sizes);
    serialize(forCpu(withGradients(graph)));
    if (batch === undefined) return;
    const buildGraph = (size: number) => withGradients(model.graph({ ...sizes, [batch]: size }));
    serializeBatched((size) => forCpu(buildGraph(size), { fold: false }));
  });
}

/** Differentiates as `pnpm export` does for a classifier; for any other model, the sum of the outputs. */
function withGradients(graph: ReadGraph): Graph {
  const outputs = Object.values(graph.outputs).filter(isFloat);
  if (outputs.length === 1 && outputs[0]?.shape.length === 2) return trainingGraph(graph);
  const loss = outputs.map((output) => cast(reduceSum(output), "float64")).reduce(add, scalar(0, "float64"));
  const gradients = differentiate(loss, graph.inputs.filter(isFloat));
  return {
    name: graph.name,
    inputs: graph.inputs,
    outputs: Object.fromEntries(gradients.map((gradient, index) => [`gradient ${index}`, gradient])),
  };
}

export const onnx: Target = {
  seeds: () => [...goodModels(), ...readCorpus("onnx")],
  mutate,
  read(file) {
    exportModel(parseModel(file));
    return () => [];
  },
  refusals: [ModelError, GraphError],
};

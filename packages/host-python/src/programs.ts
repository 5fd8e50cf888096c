import { DTYPE_IDS, type GradientTask, type MethodId, programFor } from "@softmax-bench/core";
import {
  type Graph,
  inputName,
  type Kernels,
  legalize,
  operatorNames,
  type SerializedGraph,
  serializeGraph,
  type TensorType,
  type Value,
} from "@softmax-bench/graph";
import { buildNetwork, type NetworkSpec, type Request } from "@softmax-bench/measure";
import type { PythonRuntime } from "./runtimes.js";

type SerializedInput = TensorType & { readonly name: string };

/** The computation of a task, for a worker that is not JavaScript: `Program` of core as JSON. */
interface SerializedProgram {
  readonly kind: "autograd" | "manual";
  /** In the order in which they are exchanged. */
  readonly inputs: readonly SerializedInput[];
  readonly forward: SerializedGraph;
  /** Of a manual program. */
  readonly gradient?: SerializedGraph;
}

/** A step of training a network, for a worker that is not JavaScript. */
interface SerializedStep {
  readonly kind: "autograd" | "manual";
  /** In the order in which they are exchanged. */
  readonly inputs: readonly SerializedInput[];
  /** Names of the inputs to differentiate with respect to. */
  readonly parameters: readonly string[];
  /** From images and parameters to logits. */
  readonly network: SerializedGraph;
  /** From logits and labels to the loss and, of a manual step, the gradient with respect to the logits. */
  readonly loss: SerializedGraph;
}

/** The first computation of a worker, so that its cold start can be compared with those of JavaScript workers. */
const FIRST_TASK: GradientTask = { method: "manual/shifted", dtype: "float32", rows: 128, classes: 10 };

/** A request with the graphs of its tasks, and where it opens a backend, with the module that reads them. */
export function withPrograms(request: Request, runtime: PythonRuntime): Request {
  const serializePrograms = (...tasks: readonly GradientTask[]) => ({
    programs: tasks.map((task) => serializeProgram(task, runtime)),
  });
  switch (request.type) {
    case "open": {
      const { module, remedy } = runtime;
      // The protocol knows nothing of modules of Python.
      const additions = { module, remedy, first: { ...FIRST_TASK, ...serializePrograms(FIRST_TASK) } };
      return { ...request, ...additions };
    }
    case "run":
    case "scale":
      return { ...request, ...serializePrograms(request) };
    case "memory":
      return { ...request, ...serializePrograms(...request.rows.map((rows) => ({ ...request, rows }))) };
    case "steps": {
      const { methods, network } = request;
      const steps = { programs: methods.map((method) => serializeStep(network, method, runtime)) };
      return { ...request, ...steps };
    }
    default:
      return request;
  }
}

function serializeProgram(task: GradientTask, { lacks }: PythonRuntime): SerializedProgram {
  const program = programFor(task);
  const serialize = serializerWithout(lacks);
  const inputs =
    program.kind === "manual"
      ? program.gradient.inputs
      : [...program.forward.inputs, ...(program.upstream ? [program.upstream] : [])];
  return {
    kind: program.kind,
    inputs: inputs.map(serializeInput),
    forward: serialize(program.forward),
    ...(program.kind === "manual" ? { gradient: serialize(program.gradient) } : {}),
  };
}

function serializeStep(spec: NetworkSpec, method: MethodId, { lacks }: PythonRuntime): SerializedStep {
  const network = buildNetwork(spec);
  const { dtype, batch } = spec;
  const [, classes = 0] = network.outputs.logits?.shape ?? [];
  const program = programFor({ method, dtype, rows: batch, classes });
  const loss = program.kind === "manual" ? program.gradient : program.forward;
  const serialize = serializerWithout(lacks);
  const images = network.inputs.filter((value) => !network.parameters.has(inputName(value)));
  const labels = loss.inputs.filter((value) => inputName(value) === "labels");
  return {
    kind: program.kind,
    inputs: [...network.parameters.values(), ...images, ...labels].map(serializeInput),
    parameters: [...network.parameters.keys()],
    network: serialize(network),
    loss: serialize(loss),
  };
}

const serializeInput = (value: Value): SerializedInput => ({
  name: inputName(value),
  dtype: value.dtype,
  shape: value.shape,
});

/** Serializes graphs for a runtime without some operators. */
function serializerWithout(lacks: readonly string[]): (graph: Graph) => SerializedGraph {
  const kernels = kernelsWithout(lacks);
  return (graph) => serializeGraph(legalize(graph, kernels));
}

const kernelsWithout = (operators: readonly string[]): Kernels =>
  Object.fromEntries(operatorNames().map((op) => [op, operators.includes(op) ? [] : DTYPE_IDS]));

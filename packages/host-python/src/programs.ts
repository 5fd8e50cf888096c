import { DTYPE_IDS, type GradientTask, programFor } from "@softmax-bench/core";
import {
  type Graph,
  inputName,
  type Kernels,
  legalize,
  operatorNames,
  type SerializedGraph,
  serializeGraph,
  type TensorType,
} from "@softmax-bench/graph";
import type { Request } from "@softmax-bench/measure";
import type { PythonRuntime } from "./runtimes.js";

/** The computation of a task, for a worker that is not JavaScript: `Program` of core as JSON. */
interface SerializedProgram {
  readonly kind: "autograd" | "manual";
  /** In the order in which they are exchanged. */
  readonly inputs: readonly (TensorType & { readonly name: string })[];
  readonly forward: SerializedGraph;
  /** Of a manual program. */
  readonly gradient?: SerializedGraph;
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
    default:
      return request;
  }
}

function serializeProgram(task: GradientTask, { lacks }: PythonRuntime): SerializedProgram {
  const program = programFor(task);
  const kernels = kernelsWithout(lacks);
  const serialize = (graph: Graph) => serializeGraph(legalize(graph, kernels));
  const inputs =
    program.kind === "manual"
      ? program.gradient.inputs
      : [...program.forward.inputs, ...(program.upstream ? [program.upstream] : [])];
  return {
    kind: program.kind,
    inputs: inputs.map((value) => ({ name: inputName(value), dtype: value.dtype, shape: value.shape })),
    forward: serialize(program.forward),
    ...(program.kind === "manual" ? { gradient: serialize(program.gradient) } : {}),
  };
}

const kernelsWithout = (operators: readonly string[]): Kernels =>
  Object.fromEntries(operatorNames().map((op) => [op, operators.includes(op) ? [] : DTYPE_IDS]));

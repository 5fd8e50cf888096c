import { fromBinary } from "@bufbuild/protobuf";
import { DEFAULT_ELEMENTS, withBudget } from "@softmax-bench/graph";
import { type ModelProto, ModelProtoSchema } from "../proto/onnx_pb.js";
import { ModelError, quoted } from "./error.js";
import { type ReadGraph, readGraph } from "./graph.js";
import { inputFrom, type ModelInput } from "./inputs.js";
import { type ReadExternal, type StoredTensor, storedTensor } from "./tensors.js";

/** The oldest operator set that is read; since then, axes are inputs and Softmax has one meaning. */
const OLDEST_OPSET = 13;
/** The newest one, of ONNX 1.23. */
const NEWEST_OPSET = 28;

/** An ONNX model: a graph for each choice of the sizes that it leaves open. */
export interface Model {
  readonly name: string;
  readonly opset: number;
  readonly inputs: readonly ModelInput[];
  readonly outputs: readonly string[];
  /** The tensors stored in it, by name: what was trained, and constants. */
  readonly initializers: ReadonlyMap<string, StoredTensor>;
  /**
   * @param sizes of the open dimensions, by name
   * @throws ModelError if one is missing, or an operator is not known or does not fit, or constants need more elements than
   * the budget has; see `withBudget`
   */
  graph(sizes?: Readonly<Record<string, number>>): ReadGraph;
}

const nothingBeside: ReadExternal = ({ location }) => {
  throw new ModelError(
    `the model's data is in ${quoted(location)}; load the model from its file to have it read`,
  );
};

/**
 * An ONNX model from its bytes (protobuf), operator sets 13 to 28.
 *
 * @param readExternal reads tensors that are stored outside; without it, a model with such tensors is refused
 * @throws ModelError if the bytes are no model, or it has what is not supported
 */
export function parseModel(bytes: Uint8Array, readExternal = nothingBeside): Model {
  const proto = decoded(bytes);
  const { graph } = proto;
  if (!graph || proto.irVersion === 0n)
    throw new ModelError("the file is not an ONNX model: it has no graph");
  const opset = opsetOf(proto);
  if (graph.sparseInitializer.length > 0) throw new ModelError("sparse initialisers are not supported");
  if (graph.quantizationAnnotation.length > 0) throw new ModelError("quantised models are not supported");
  const initializers = new Map<string, StoredTensor>();
  for (const stored of graph.initializer) {
    if (initializers.has(stored.name)) throw new ModelError(`there are two tensors ${quoted(stored.name)}`);
    initializers.set(stored.name, storedTensor(stored, readExternal));
  }
  // Old models list what is stored in them among the inputs, too.
  const inputs = graph.input.filter(({ name }) => !initializers.has(name)).map(inputFrom);
  const outputs = graph.output.map(({ name }) => name);
  if (outputs.length === 0) throw new ModelError("the model has no outputs");
  return {
    ...{ name: graph.name, opset, inputs, outputs, initializers },
    graph: (sizes = {}) =>
      withBudget(DEFAULT_ELEMENTS, () =>
        readGraph(graph, { opset, inputs, initializers, readExternal, sizes }),
      ),
  };
}

function decoded(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    throw new ModelError(`the file is not an ONNX model: ${error instanceof Error ? error.message : error}`);
  }
}

function opsetOf({ opsetImport, functions }: ModelProto): number {
  const standard = opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx");
  if (!standard) throw new ModelError("the file is not an ONNX model: it names no operator set");
  const opset = Number(standard.version);
  if (opset < OLDEST_OPSET || opset > NEWEST_OPSET) {
    throw new ModelError(
      `operator set ${opset} is not supported, only ${OLDEST_OPSET} to ${NEWEST_OPSET}; onnx.version_converter converts models`,
    );
  }
  if (functions.length > 0)
    throw new ModelError("functions are not supported; onnx.inliner puts them in their place");
  return opset;
}

import { fromBinary } from "@bufbuild/protobuf";
import { DEFAULT_ELEMENTS, FLOATS, sizeOf, withBudget } from "@softmax-bench/graph";
import { ONNX_DTYPE } from "../operators.js";
import { type ModelProto, ModelProtoSchema, type NodeProto } from "../proto/onnx_pb.js";
import { ModelError, quote } from "./error.js";
import { type ReadGraph, readGraph } from "./graph.js";
import { inputFrom, type ModelInput } from "./inputs.js";
import { modernized } from "./old-operator-sets.js";
import { type Choice, chooseParameters } from "./parameters.js";
import { type ReadExternal, type StoredTensor, storedTensor } from "./tensors.js";

/** The oldest supported operator set; since then, operands are broadcast as in NumPy. */
const OLDEST_OPSET = 7;
/** The newest supported operator set, of ONNX 1.23. */
const NEWEST_OPSET = 28;

/** An ONNX model: a graph for each choice of its open sizes. */
export interface Model {
  readonly name: string;
  readonly opset: number;
  readonly inputs: readonly ModelInput[];
  readonly outputs: readonly string[];
  /**
   * The tensors stored in it, by name: trained ones and constants. Floating-point tensors with several numbers in
   * `Constant` nodes are included.
   */
  readonly initializers: ReadonlyMap<string, StoredTensor>;
  /** The choice, with a reason, whether each floating-point tensor is a parameter. */
  readonly choices: ReadonlyMap<string, Choice>;
  /**
   * @param sizes values of the open dimensions, by name
   * @param options additions to what the model's outputs need
   * @throws ModelError if one is missing, or an operator is not known or does not fit, or it needs more elements or
   * nodes than the budget has; see `withBudget`
   */
  graph(sizes?: Readonly<Record<string, number>>, options?: GraphOptions): ReadGraph;
}

/** Parts of a graph beyond what the model's outputs need. */
export interface GraphOptions {
  /** Stored floating-point tensors that are parameters regardless of the choices. */
  readonly trained?: readonly string[] | undefined;
  /** A value inside the model whose parameters count too, such as logits that are not an output. */
  readonly inner?: string | undefined;
}

const nothingBeside: ReadExternal = ({ location }) => {
  throw new ModelError(
    `the model's data is in ${quote(location)}; load the model from its file to have it read`,
  );
};

/**
 * An ONNX model from its bytes (protobuf), operator sets 7 to 28.
 *
 * @param readExternal reads tensors that are stored outside; without it, a model with such tensors is rejected
 * @throws ModelError if the bytes are not a model, or it has unsupported parts
 */
export function parseModel(bytes: Uint8Array, readExternal = nothingBeside): Model {
  const proto = decodeModel(bytes);
  const { graph } = proto;
  if (!graph || proto.irVersion === 0n)
    throw new ModelError("the file is not an ONNX model: it has no graph");
  const opset = readOpset(proto);
  if (graph.sparseInitializer.length > 0) throw new ModelError("sparse initialisers are not supported");
  if (graph.quantizationAnnotation.length > 0) throw new ModelError("quantised models are not supported");
  const initializers = new Map<string, StoredTensor>();
  const store = (tensor: StoredTensor) => {
    if (initializers.has(tensor.name)) throw new ModelError(`there are two tensors ${quote(tensor.name)}`);
    initializers.set(tensor.name, tensor);
  };
  for (const stored of graph.initializer) store(storedTensor(stored, readExternal));
  // Some exporters store weights in such nodes.
  const others = graph.node.filter((node) => {
    const weights = readWeights(node, readExternal);
    if (weights) store(weights);
    return !weights;
  });
  const nodes = modernized(others, opset);
  // Old models list stored tensors among the inputs, too.
  const inputs = graph.input.filter(({ name }) => !initializers.has(name)).map(inputFrom);
  const outputs = graph.output.map(({ name }) => name);
  if (outputs.length === 0) throw new ModelError("the model has no outputs");
  const choices = chooseParameters(nodes, initializers, outputs);
  return {
    name: graph.name,
    opset,
    inputs,
    outputs,
    initializers,
    choices,
    graph: (sizes = {}, options = {}) =>
      withBudget(DEFAULT_ELEMENTS, () =>
        readGraph(
          { ...graph, node: nodes },
          {
            ...options,
            inputs,
            initializers,
            choices,
            readExternal,
            sizes: new Map(Object.entries(sizes)),
          },
        ),
      ),
  };
}

/** Reads several floating-point numbers in a `Constant` node, under the name of its output. */
function readWeights({ domain, opType, attribute, output }: NodeProto, readExternal: ReadExternal) {
  const isStandard = domain === "" || domain === "ai.onnx";
  const [value, ...others] = attribute;
  const [name = ""] = output;
  if (!isStandard || opType !== "Constant" || value?.name !== "value" || !value.t || others.length > 0)
    return undefined;
  if (!FLOAT_TYPES.has(value.t.dataType) || name === "") return undefined;
  const stored = storedTensor(value.t, readExternal);
  return sizeOf(stored.shape) > 1 ? { ...stored, name, isInNode: true as const } : undefined;
}

const FLOAT_TYPES: ReadonlySet<number> = new Set(FLOATS.map((dtype) => ONNX_DTYPE[dtype]));

function decodeModel(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    throw new ModelError(`the file is not an ONNX model: ${error instanceof Error ? error.message : error}`);
  }
}

function readOpset({ opsetImport, functions }: ModelProto): number {
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

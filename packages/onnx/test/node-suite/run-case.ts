import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  evaluate,
  fromHalfBits,
  type Graph,
  GraphError,
  inputName,
  isHalf,
  legalize,
  optimize,
  type Tensor,
  toHalfBits,
} from "@softmax-bench/graph";
import { ModelError, type ModelInput, ONNXRUNTIME_CPU, parseModel, serialize } from "@softmax-bench/onnx";
import { InferenceSession, Tensor as RuntimeTensor } from "onnxruntime-node";
import {
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  TensorProtoSchema,
} from "../../src/proto/onnx_pb.js";
import { storedTensor } from "../../src/read/tensors.js";

/** A published case, as `export.py` writes it. */
export interface SuiteCase {
  readonly name: string;
  readonly rtol: number;
  readonly atol: number;
  /** Protobufs in base64; null for what is no tensor. */
  readonly model: string;
  readonly inputs: readonly (string | null)[];
  readonly outputs: readonly (string | null)[];
}

export type Outcome =
  | { readonly status: "right" }
  | { readonly status: "refused" | "wrong"; readonly reason: string };

/** A case by the reference interpreter and, written as a model again, by ONNX Runtime's CPU provider. */
export interface CaseOutcome {
  readonly interpreter: Outcome;
  readonly runtime: Outcome;
}

export const modelOf = ({ model }: SuiteCase): ModelProto =>
  fromBinary(ModelProtoSchema, Buffer.from(model, "base64"));

/** Names of the operators, those of other domains with their domain. */
export const operatorsOf = (model: ModelProto): string[] =>
  [
    ...new Set(
      (model.graph?.node ?? []).map(({ domain, opType }) => (domain ? `${domain}.${opType}` : opType)),
    ),
  ].sort();

export async function runCase(suiteCase: SuiteCase): Promise<CaseOutcome> {
  const refused = (reason: string): CaseOutcome => ({
    interpreter: { status: "refused", reason },
    runtime: { status: "refused", reason },
  });
  try {
    const { graph, feeds, expected } = prepared(suiteCase);
    return {
      interpreter: compared(evaluate(graph, feeds), expected, suiteCase),
      runtime: await inRuntime(graph, feeds, expected, suiteCase),
    };
  } catch (error) {
    if (isRefusal(error)) return refused(error.message);
    throw error;
  }
}

/** By name: what is imported from the sources has a class of its own. */
const isRefusal = (error: unknown): error is Error =>
  error instanceof Error && ["ModelError", "GraphError"].includes(error.name);

type Tensors = Readonly<Record<string, Tensor>>;

function prepared(suiteCase: SuiteCase) {
  const proto = modelOf(suiteCase);
  const given = namedTensors(proto.graph?.input ?? [], suiteCase.inputs, "input");
  const model = parseModel(withConstants(proto, given));
  const graph = model.graph(openSizes(model.inputs, given));
  const stored = Array.from(model.initializers.values(), (of) => [of.name, of.read()] as const);
  const feeds: Tensors = { ...Object.fromEntries(stored), ...given };
  return { graph, feeds, expected: namedTensors(proto.graph?.output ?? [], suiteCase.outputs, "output") };
}

/** Sizes that the model leaves open, as its inputs have them. */
function openSizes(inputs: readonly ModelInput[], given: Tensors): Record<string, number> {
  const sizes = inputs.flatMap(({ name, shape }) =>
    shape.flatMap((size, axis) => (typeof size === "string" ? [[size, given[name]?.shape[axis] ?? 1]] : [])),
  );
  return Object.fromEntries(sizes);
}

function namedTensors(
  declared: readonly { readonly name: string }[],
  values: readonly (string | null)[],
  what: string,
): Tensors {
  return Object.fromEntries(
    values.map((value, position) => {
      const name = declared[position]?.name ?? "";
      if (value === null) throw new ModelError(`${what} is not a tensor`);
      const proto = fromBinary(TensorProtoSchema, Buffer.from(value, "base64"));
      return [name, storedTensor(proto, () => new Uint8Array()).read()];
    }),
  );
}

/** Inputs that are known when a model is read: shapes, axes, positions, limits. By operator, their places. */
const CONSTANT_INPUTS: Readonly<Record<string, readonly number[]>> = {
  Reshape: [1],
  Expand: [1],
  Squeeze: [1],
  Unsqueeze: [1],
  ConstantOfShape: [0],
  ReduceSum: [1],
  ReduceMean: [1],
  ReduceMax: [1],
  ReduceLogSumExp: [1],
  ReduceL1: [1],
  ReduceL2: [1],
  ReduceLogSum: [1],
  ReduceMin: [1],
  ReduceProd: [1],
  ReduceSumSquare: [1],
  Range: [0, 1, 2],
  CumSum: [1],
  CumProd: [1],
  Compress: [1],
  CenterCropPad: [1],
  Col2Im: [1, 2],
  MaxUnpool: [2],
  TopK: [1],
  Tile: [1],
  Trilu: [1],
  Resize: [1, 2, 3],
  Upsample: [1],
  NonZero: [0],
  If: [0],
  Slice: [1, 2, 3, 4],
  Split: [1],
  Loop: [0, 1],
  Pad: [1, 2, 3],
  Clip: [1, 2],
  OneHot: [1, 2],
  Dropout: [1, 2],
};

/** Places at which elements are multiplied or compared are known, too. */
const constantInputs = ({ opType, attribute }: NodeProto): readonly number[] => {
  const reduction = attribute.find(({ name }) => name === "reduction");
  const isCombined = reduction && ["mul", "max", "min"].includes(new TextDecoder().decode(reduction.s));
  return isCombined ? [1] : (CONSTANT_INPUTS[opType] ?? []);
};

/** The model with those of its inputs as initialisers that must be known when it is read, or that such are computed from. */
function withConstants(proto: ModelProto, given: Tensors): Uint8Array {
  const { graph } = proto;
  if (!graph) return toBinary(ModelProtoSchema, proto);
  const constants = new Set<string>();
  for (const node of graph.node.toReversed()) {
    const { opType, input, output } = node;
    const isKnown = opType !== "Shape" && output.some((name) => constants.has(name));
    const known = isKnown ? input : constantInputs(node).map((position) => input[position] ?? "");
    for (const name of known) constants.add(name);
  }
  const stored = graph.input.filter(({ name }) => constants.has(name) && given[name]);
  const initializer = stored.map(({ name, type }) => {
    const { shape } = given[name] as Tensor;
    const data = storedData(given[name] as Tensor);
    const dataType = type?.value.case === "tensorType" ? type.value.value.elemType : 0;
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return create(TensorProtoSchema, { name, dataType, dims: shape.map(BigInt), rawData });
  });
  const input = graph.input.filter((of) => !stored.includes(of));
  return toBinary(ModelProtoSchema, {
    ...proto,
    graph: { ...graph, input, initializer: [...graph.initializer, ...initializer] },
  });
}

async function inRuntime(graph: Graph, feeds: Tensors, expected: Tensors, of: SuiteCase): Promise<Outcome> {
  let model: Uint8Array;
  try {
    model = serialize(legalize(optimize(graph), ONNXRUNTIME_CPU));
  } catch (error) {
    if (error instanceof GraphError) return { status: "refused", reason: error.message };
    throw error;
  }
  try {
    return compared(await run(model, graph, feeds), expected, of);
  } catch (error) {
    const text = String(error);
    const missing = /Could not find an implementation for (\w+)/.exec(text);
    if (text.includes("Unsupported data type"))
      return { status: "refused", reason: "onnxruntime-node has no bfloat16 tensors" };
    if (missing)
      return { status: "refused", reason: `${missing[1]}: the runtime has no kernel for this type` };
    return { status: "wrong", reason: text };
  }
}

/** The elements of a tensor as models and runtimes store them. */
const storedData = ({ dtype, data }: Tensor) =>
  isHalf(dtype) ? toHalfBits(dtype, data as Float32Array) : data;

async function run(model: Uint8Array, { inputs }: Graph, feeds: Tensors): Promise<Tensors> {
  const session = await InferenceSession.create(model, {
    graphOptimizationLevel: "basic",
    logSeverityLevel: 4,
    intraOpNumThreads: 1,
  });
  const fed = inputs.map((value) => {
    const fed = feeds[inputName(value)] as Tensor;
    const data = storedData(fed) as Float32Array;
    return [inputName(value), new RuntimeTensor(fed.dtype as "float32", data, fed.shape)] as const;
  });
  const outputs = await session.run(Object.fromEntries(fed));
  await session.release();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => {
      const { type, dims, data } = value as RuntimeTensor;
      const stored =
        type === "float16" ? fromHalfBits(type, new Uint16Array((data as Uint16Array).buffer)) : data;
      return [name, { dtype: type as Tensor["dtype"], shape: dims, data: stored as Tensor["data"] }];
    }),
  );
}

function compared(actual: Tensors, expected: Tensors, { rtol, atol }: SuiteCase): Outcome {
  for (const [name, wanted] of Object.entries(expected)) {
    const got = actual[name];
    const types = [got, wanted].map((of) => of && `${of.dtype}[${of.shape}]`);
    if (!got || types[0] !== types[1]) {
      return { status: "wrong", reason: `${name} is ${types[0]}, expected ${types[1]}` };
    }
    for (const [index, value] of wanted.data.entries()) {
      if (
        !isClose(Number(got.data[index]), Number(value), Math.max(rtol, ROUNDINGS[wanted.dtype] ?? 0), atol)
      ) {
        return {
          status: "wrong",
          reason: `${name}[${index}] is ${got.data[index]}, expected ${value}`,
        };
      }
    }
  }
  return { status: "right" };
}

/** Four roundings: the suite's tolerances are finer than half precision, whose results depend on the order of steps. */
const ROUNDINGS: Partial<Readonly<Record<Tensor["dtype"], number>>> = {
  float16: 4 * 2 ** -11,
  bfloat16: 4 * 2 ** -8,
};

/** `numpy.isclose`, for which equal infinities and NaNs are close. */
const isClose = (actual: number, expected: number, rtol: number, atol: number): boolean =>
  Object.is(actual, expected) ||
  actual === expected ||
  Math.abs(actual - expected) <= atol + rtol * Math.abs(expected);

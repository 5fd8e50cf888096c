import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { isFloat, isHalf, sizeOf, type Tensor, tensor } from "@softmax-bench/graph";
import { type Model, ModelError, parseModel, writeBack } from "@softmax-bench/onnx";
import {
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
} from "../../../../packages/onnx/dist/proto/onnx_pb.js";
import { onnx } from "./onnx.js";
import { readCorpus, type Target } from "./target.js";

/** Numbers that every floating-point type stores exactly. */
const VALUES = [0.5, -2, 0, 96, 1, -0.125, 7];

/** New values for the tensors that are no copies of others. */
function newWeights({ initializers, choices }: Model): Map<string, Tensor> {
  const originals = [...initializers.values()].filter(
    (stored) => isFloat(stored) && choices.get(stored.name)?.tie === undefined,
  );
  return new Map(
    originals.map((stored, which) => {
      const old = stored.read();
      const values = Array.from(
        { length: sizeOf(old.shape) },
        (_, index) => VALUES[(index + which) % VALUES.length] as number,
      );
      return [stored.name, tensor(old.dtype, old.shape, values)] as const;
    }),
  );
}

const oldWeights = ({ initializers }: Model, weights: ReadonlyMap<string, Tensor>): Map<string, Tensor> =>
  new Map([...weights.keys()].map((name) => [name, initializers.get(name)?.read() as Tensor]));

/** The tensors of the graph that `writeBack` may change: initialisers, and values of `Constant` nodes under their outputs. */
function storedTensors({ graph }: ModelProto): [name: string, stored: TensorProto][] {
  const inNodes = (graph?.node ?? [])
    .filter(({ opType }) => opType === "Constant")
    .flatMap(({ attribute, output }) =>
      attribute.flatMap(({ t }) => (t ? [[output[0] ?? "", t] as const] : [])),
    );
  return [...(graph?.initializer ?? []).map((stored) => [stored.name, stored] as const), ...inNodes].map(
    ([name, stored]) => [name, stored],
  );
}

/** The model without the elements of some tensors, written by the protobuf library. */
function withoutElements(bytes: Uint8Array, names: ReadonlySet<string>): Buffer {
  const model = fromBinary(ModelProtoSchema, bytes);
  for (const [name, stored] of storedTensors(model)) {
    if (!names.has(name)) continue;
    stored.rawData = new Uint8Array(0);
    stored.floatData = [];
    stored.doubleData = [];
    stored.int32Data = [];
  }
  return Buffer.from(toBinary(ModelProtoSchema, model));
}

/** True if a tensor's bytes follow from its numbers: no NaN has bits of its own, and no list is of varints. */
const isCanonical = ({ dtype, data }: Tensor): boolean =>
  !isHalf(dtype) && !data.some((value: number | bigint) => Number.isNaN(value));

const isEqual = (a: Tensor, b: Tensor): boolean =>
  a.dtype === b.dtype &&
  String(a.shape) === String(b.shape) &&
  a.data.every((value: number | bigint, index: number) => Object.is(value, b.data[index]));

/** Writes other weights into a model, and then its own: they are there, and everything else is as it was. */
export const writeBackTarget: Target = {
  seeds: () => [...onnx.seeds(), ...readCorpus("write-back")],
  mutate: onnx.mutate,
  read(file) {
    const model = parseModel(file);
    const weights = newWeights(model);
    const before = oldWeights(model, weights);
    const written = writeBack(file, weights);
    return () => {
      const after = parseModel(written);
      for (const [name, wanted] of weights) {
        const found = after.initializers.get(name)?.read();
        if (!found || !isEqual(found, wanted)) throw new Error(`${JSON.stringify(name)} was not written`);
      }
      const copies = [...model.choices].filter(([, { tie }]) => tie !== undefined).map(([name]) => name);
      const changed = new Set([...weights.keys(), ...copies]);
      if (!withoutElements(file, changed).equals(withoutElements(written, changed)))
        throw new Error("more than the elements was changed");
      const restored = writeBack(written, before);
      if (copies.length > 0 || ![...before.values()].every(isCanonical)) return [];
      if (!Buffer.from(file).equals(restored)) throw new Error("the own weights make another file");
      return [];
    };
  },
  refusals: [ModelError],
};

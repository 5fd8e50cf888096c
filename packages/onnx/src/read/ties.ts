import { sameShape, sizeOf } from "@softmax-bench/graph";
import type { NodeProto } from "../proto/onnx_pb.js";
import { isComplement, isEqual, isTransposed, isUniform, sampleOf } from "./recognize.js";
import type { StoredTensor } from "./tensors.js";
import type { UseIndex } from "./use-index.js";

/** The relation of a copy to its original; of a `complement`, each element is 1 minus that of the original. */
export type Relation = "same" | "transpose" | "complement";

/** A parameter that the file stores once more. */
export interface Tie {
  readonly original: string;
  readonly relation: Relation;
}

/** True for a path of attributes, as PyTorch names the parameters of modules: `encoder.0.scale`. */
export const isModulePath = (name: string): boolean => /^[A-Za-z_]\w*(\.\w+)+$/.test(name);

/** The copies among stored tensors, by name. */
export const findTies = (stored: readonly StoredTensor[], uses: UseIndex): Map<string, Tie> =>
  new Map([...equalCopies(stored, uses), ...transposedCopies(stored, uses), ...complements(stored, uses)]);

/**
 * Finds tables of rows that are looked up and, transposed, serve as a weight of a product: exporters store a tied
 * weight twice, under different names.
 */
function transposedCopies(stored: readonly StoredTensor[], uses: UseIndex): [copy: string, tie: Tie][] {
  const matrices = stored.filter(({ shape }) => shape.length === 2 && sizeOf(shape) > 1);
  const isUsedBy = ({ name }: StoredTensor, operators: readonly string[]) =>
    uses.isNeeded(name) && uses.usesOf(name).some(({ node }) => operators.includes(node.opType));
  const tables = matrices.filter((of) => isModulePath(of.name) && isUsedBy(of, ["Gather"]));
  const products = matrices.filter((of) => !isModulePath(of.name) && isUsedBy(of, ["MatMul", "Gemm"]));
  return products.flatMap((copy) => {
    const original = tables.find(
      ({ dtype, shape: [rows, columns] }) =>
        dtype === copy.dtype && rows === copy.shape[1] && columns === copy.shape[0],
    );
    if (!original || !isTransposed(copy.read(), original.read())) return [];
    return [[copy.name, { original: original.name, relation: "transpose" }] as [string, Tie]];
  });
}

/**
 * Finds weights that are equal, and that the same layer uses: PyTorch's exporter stores the transposed weight of a layer
 * once for each use of the layer, under names of its own.
 */
function equalCopies(stored: readonly StoredTensor[], uses: UseIndex): [copy: string, tie: Tie][] {
  const originals = new Map<string, Original[]>();
  return stored.flatMap((of) => {
    const isMatrix = of.shape.length === 2 && sizeOf(of.shape) > 1;
    if (!isMatrix || isModulePath(of.name) || !uses.isNeeded(of.name)) return [];
    const layers = uses.layersOf(of.name);
    const own = new Original(of);
    // Elements are read only of tensors that a layer has several of: they may be gigabytes in other files.
    const keys = layers.map((layer) => `${of.dtype} ${of.shape} ${layer}`);
    const original = keys
      .flatMap((key) => originals.get(key) ?? [])
      .find((other) => other.sample === own.sample && isEqual(of.read(), other.stored.read()));
    if (original) return [[of.name, { original: original.stored.name, relation: "same" }] as [string, Tie]];
    for (const key of keys) originals.set(key, [...(originals.get(key) ?? []), own]);
    return [];
  });
}

/** A tensor that others may be equal to. */
class Original {
  readonly stored: StoredTensor;
  #sample: string | undefined;

  constructor(stored: StoredTensor) {
    this.stored = stored;
  }

  /** A few of its elements, read once. */
  get sample(): string {
    this.#sample ??= String(sampleOf(this.stored.read()));
    return this.#sample;
  }
}

/**
 * Finds the second weights of mixtures m · x + (1 − m) · y: exporters compute 1 − m and store the result. Both weights
 * are factors of summands of one sum. If both have names of the network, they are parameters of their own.
 */
function complements(stored: readonly StoredTensor[], uses: UseIndex): Map<string, Tie> {
  const weightsOf = new Map<NodeProto, StoredTensor[]>();
  for (const weight of stored.filter(({ name }) => uses.isNeeded(name))) {
    for (const sum of uses.sumsOfProducts(weight.name)) {
      weightsOf.set(sum, [...(weightsOf.get(sum) ?? []), weight]);
    }
  }
  const ties = new Map<string, Tie>();
  for (const weights of weightsOf.values()) {
    for (const copy of weights.toReversed()) {
      if (isModulePath(copy.name) || ties.has(copy.name)) continue;
      const original = weights.find(
        (of) =>
          of.name !== copy.name &&
          !ties.has(of.name) &&
          of.dtype === copy.dtype &&
          sameShape(of.shape, copy.shape) &&
          // Without names, equal numbers may be fresh parameters.
          (isModulePath(of.name) || !isUniform(copy.read())) &&
          isComplement(copy.read(), of.read()),
      );
      if (original) ties.set(copy.name, { original: original.name, relation: "complement" });
    }
  }
  return ties;
}

import { sizeOf } from "@softmax-bench/graph";
import { isEqual, isTransposed, sampleOf } from "./recognize.js";
import type { StoredTensor } from "./tensors.js";
import type { UseIndex } from "./use-index.js";

/** A parameter that the file stores once more. */
export interface Tie {
  readonly original: string;
  readonly isTransposed: boolean;
}

/** True for a path of attributes, as PyTorch names the parameters of modules: `encoder.0.scale`. */
export const isModulePath = (name: string): boolean => /^[A-Za-z_]\w*(\.\w+)+$/.test(name);

/** The copies among stored tensors, by name. */
export const findTies = (stored: readonly StoredTensor[], uses: UseIndex): Map<string, Tie> =>
  new Map([...equalCopies(stored, uses), ...transposedCopies(stored, uses)]);

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
    return [[copy.name, { original: original.name, isTransposed: true }] as [string, Tie]];
  });
}

/**
 * Finds weights that are equal, and that the same layer uses: PyTorch's exporter stores the transposed weight of a layer
 * once for each use of the layer, under names of its own.
 */
function equalCopies(stored: readonly StoredTensor[], uses: UseIndex): [copy: string, tie: Tie][] {
  const originals = new Map<string, { readonly name: string; readonly layers: readonly string[] }[]>();
  return stored.flatMap((of) => {
    const isMatrix = of.shape.length === 2 && sizeOf(of.shape) > 1;
    if (!isMatrix || isModulePath(of.name) || !uses.isNeeded(of.name)) return [];
    const layers = uses.layersOf(of.name);
    if (layers.length === 0) return [];
    const key = `${of.dtype} ${of.shape} ${sampleOf(of.read())}`;
    const alike = originals.get(key) ?? [];
    const original = alike.find(
      (other) =>
        other.layers.some((layer) => layers.includes(layer)) &&
        isEqual(of.read(), (stored.find(({ name }) => name === other.name) as StoredTensor).read()),
    );
    if (original) return [[of.name, { original: original.name, isTransposed: false }] as [string, Tie]];
    originals.set(key, [...alike, { name: of.name, layers }]);
    return [];
  });
}

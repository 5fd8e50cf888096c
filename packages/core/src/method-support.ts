import type { Backend, Support } from "./backend.js";
import { GRAPH_METHODS, METHODS, type MethodId } from "./methods.js";

/** The methods of a backend. */
export const methodIdsOf = ({ methods }: Pick<Backend, "methods">): readonly MethodId[] =>
  methods ?? GRAPH_METHODS.map(({ id }) => id);

/** The refusal of a method without a graph by a backend that reads graphs; undefined for others. */
export function refuseWithoutGraph(method: MethodId): Support | undefined {
  const known = METHODS.find(({ id }) => id === method);
  if (!known?.formulation.needsKernel) return undefined;
  return { ok: false, reason: `${method} has no graph: it takes a kernel of its own, as wasm-simd has` };
}

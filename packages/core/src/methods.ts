import type { Formulation } from "./formulations/formulation.js";
import { FORMULATIONS } from "./formulations/index.js";

/** The origin of a gradient: differentiated by the backend, or written by hand. */
export type MethodKind = "autograd" | "manual";

/** `<kind>/<formulation>`, e.g. `manual/shifted`; or a user's, with another word before the slash: `mine/fast`. */
export type MethodId = `${string}/${string}`;

export interface Method {
  readonly id: MethodId;
  readonly kind: MethodKind;
  readonly formulation: Formulation;
}

const makeMethods = (kind: MethodKind): Method[] =>
  FORMULATIONS.filter((formulation) =>
    kind === "autograd" ? formulation.loss : (formulation.lossAndGradient ?? formulation.needsKernel),
  ).map((formulation) => ({ id: `${kind}/${formulation.id}`, kind, formulation }));

/** Every method: all of `autograd/*`, then all of `manual/*`. */
export const METHODS: readonly Method[] = [...makeMethods("autograd"), ...makeMethods("manual")];

/** The methods that have graphs, and so run on every backend that reads graphs. */
export const GRAPH_METHODS: readonly Method[] = METHODS.filter(({ formulation }) => !formulation.needsKernel);

/** @throws RangeError if there is no such method. */
export function findMethod(id: string): Method {
  const method = METHODS.find((candidate) => candidate.id === id);
  if (!method) throw new RangeError(`no method "${id}"; there are ${METHODS.map((m) => m.id).join(", ")}`);
  return method;
}

/** Pairs of a hand-written gradient and an automatic one: the original experiment's question. */
export const COMPARISONS: readonly (readonly [manual: MethodId, autograd: MethodId])[] = [
  ["manual/naive", "autograd/naive"],
  ["manual/shifted", "autograd/shifted"],
  ["manual/log-softmax", "autograd/log-softmax"],
  ["manual/exact-target", "autograd/shifted-detached"],
  ["manual/fused", "autograd/library"],
];

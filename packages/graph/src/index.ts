import "./ops/index.js";

export { differentiate } from "./differentiate.js";
export { evaluate } from "./evaluate.js";
export * from "./graph.js";
export {
  apply,
  applyAll,
  type Body,
  definitionOf,
  describeNode,
  type GradientContext,
  type OpDefinition,
  operatorNames,
  register,
} from "./op.js";
export { elideExpand } from "./rewrite/elide-expand.js";
export { type Kernels, legalize } from "./rewrite/legalize.js";
export { type Rule, rewrite } from "./rewrite/rewrite.js";
export * from "./tensor.js";
export * from "./vocabulary.js";

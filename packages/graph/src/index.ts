import "./ops/index.js";

export { BudgetError, DEFAULT_ELEMENTS, grantNodes, withBudget } from "./budget.js";
export { type CheckpointChoice, chooseCheckpoints } from "./choose-checkpoints.js";
export { differentiate } from "./differentiate.js";
export { hessianVectorProduct, jacobianVectorProduct } from "./directional.js";
export * from "./error.js";
export { evaluate } from "./evaluate.js";
export * from "./graph.js";
export { fromHalfBits, type HalfDType, roundToHalf, toHalfBits } from "./half.js";
export {
  apply,
  applyAll,
  type Body,
  describeNode,
  evaluateNode,
  findDefinition,
  type GradientContext,
  type OpDefinition,
  operatorNames,
  register,
} from "./op.js";
export { mergeCommonSubexpressions } from "./rewrite/common-subexpressions.js";
export { foldConstants, isAffordable, isCheap } from "./rewrite/fold-constants.js";
export { type Kernels, legalize } from "./rewrite/legalize.js";
export { optimize } from "./rewrite/optimize.js";
export { type Rule, rewrite } from "./rewrite/rewrite.js";
export { simplify } from "./rewrite/simplify.js";
export { substitute } from "./rewrite/substitute.js";
export { type SerializedGraph, serializeGraph } from "./serialize.js";
export * from "./tensor.js";
export * from "./vocabulary/index.js";

/** The words in which formulas and gradients are written: one constructor per operator, plus a few phrases. */
export * from "./elementwise.js";
export * from "./indexing.js";
export * from "./losses.js";
export * from "./normalizations.js";
export { indices, scalar } from "./numbers.js";
export * from "./products.js";
export * from "./reductions.js";
export * from "./sequences.js";
export * from "./shapes.js";
export * from "./windows.js";

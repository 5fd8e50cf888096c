import { CONSTANTS } from "./constants.js";
import { ELEMENTWISE } from "./elementwise.js";
import { INDEXING } from "./indexing.js";
import { LOSSES } from "./losses.js";
import { NORMALIZATIONS } from "./normalizations.js";
import { POOLS } from "./pools.js";
import { PRODUCTS } from "./products.js";
import type { Readers } from "./reader.js";
import { REDUCTIONS } from "./reductions.js";
import { SHAPES } from "./shapes.js";
import { SLICES } from "./slices.js";

/** The operators that models may have. */
export const READERS: Readers = {
  ...ELEMENTWISE,
  ...PRODUCTS,
  ...POOLS,
  ...NORMALIZATIONS,
  ...REDUCTIONS,
  ...LOSSES,
  ...INDEXING,
  ...SHAPES,
  ...SLICES,
  ...CONSTANTS,
};

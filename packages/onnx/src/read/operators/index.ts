import { ACTIVATIONS } from "./activations.js";
import { CONSTANTS } from "./constants.js";
import { ELEMENTWISE } from "./elementwise.js";
import { INDEXING } from "./indexing.js";
import { LOGIC } from "./logic.js";
import { LOSSES } from "./losses.js";
import { NORMALIZATIONS } from "./normalizations.js";
import { POOLS } from "./pools.js";
import { PRODUCTS } from "./products.js";
import type { Readers } from "./reader.js";
import { REDUCTIONS } from "./reductions.js";
import { SEQUENCES } from "./sequences.js";
import { SHAPES } from "./shapes.js";
import { SLICES } from "./slices.js";

/** The operators that models may have. */
export const READERS: Readers = {
  ...ELEMENTWISE,
  ...ACTIVATIONS,
  ...LOGIC,
  ...PRODUCTS,
  ...POOLS,
  ...NORMALIZATIONS,
  ...REDUCTIONS,
  ...LOSSES,
  ...INDEXING,
  ...SEQUENCES,
  ...SHAPES,
  ...SLICES,
  ...CONSTANTS,
};

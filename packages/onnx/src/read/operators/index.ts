import { ACTIVATIONS } from "./activations.js";
import { ATTENTION } from "./attention.js";
import { CONSTANTS } from "./constants.js";
import { CONTROL } from "./control.js";
import { DETERMINANTS } from "./determinant.js";
import { EINSUM } from "./einsum.js";
import { ELEMENTWISE } from "./elementwise.js";
import { GRIDS } from "./grid-sample.js";
import { INDEXING } from "./indexing.js";
import { LINEAR_ATTENTION } from "./linear-attention.js";
import { LOGIC } from "./logic.js";
import { LOSSES } from "./losses.js";
import { NORMALIZATIONS } from "./normalizations.js";
import { POOLS } from "./pools.js";
import { PRODUCTS } from "./products.js";
import type { Reader } from "./reader.js";
import { RECURRENT } from "./recurrent.js";
import { REDUCTIONS } from "./reductions.js";
import { RESIZE } from "./resize.js";
import { SEQUENCES } from "./sequences.js";
import { SHAPES } from "./shapes.js";
import { SLICES } from "./slices.js";
import { UNPOOLING } from "./unpooling.js";

/** The operators supported in models. */
export const READERS: ReadonlyMap<string, Reader> = new Map(
  Object.entries({
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
    ...CONTROL,
    ...EINSUM,
    ...RECURRENT,
    ...RESIZE,
    ...ATTENTION,
    ...LINEAR_ATTENTION,
    ...GRIDS,
    ...UNPOOLING,
    ...DETERMINANTS,
  }),
);

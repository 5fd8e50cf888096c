export type { NpyData, NpyDType } from "./dtype.js";
export { NpyError } from "./error.js";
export { formatNpy, type Writable } from "./format.js";
export { type NpyArray, parseNpy } from "./parse.js";

export type { NpyData, NpyDType } from "./dtype.js";
export { NpyError, quote, SafetensorsError, UntypedError } from "./error.js";
export { formatNpy, type Writable } from "./format.js";
export { type NpyArray, type ParseOptions, parseNpy } from "./parse.js";
export { parseSafetensors, type StoredTensor } from "./safetensors/parse.js";

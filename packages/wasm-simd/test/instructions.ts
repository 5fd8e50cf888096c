import { setFlagsFromString } from "node:v8";
import { fastest, type Instructions } from "../dist/modules/module.js";

// Node 20 has them behind this flag; later ones need none.
if (fastest() === "simd") setFlagsFromString("--experimental-wasm-relaxed-simd");

/** All that the kernel is compiled to. */
export const INSTRUCTIONS: readonly Instructions[] = ["simd", "relaxed-simd"];

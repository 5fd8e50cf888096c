import { defineConfig } from "softmax-bench";
import { myBackend } from "./my-backend.ts";

export default defineConfig({ backends: [myBackend, "wasm-simd"] });

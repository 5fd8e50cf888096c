import { defineConfig } from "@softmax-bench/runner";
import { myBackend } from "./my-backend.ts";

export default defineConfig({ backends: [myBackend, "wasm-simd"] });

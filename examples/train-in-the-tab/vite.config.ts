import { defaultClientConditions, defineConfig } from "vite";

/** The headers of a page that may start threads. Without them, ONNX Runtime has one. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default defineConfig({
  base: "./",
  // ONNX Runtime as modules that load their program from an address: `runtime.ts` names it.
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions] },
  optimizeDeps: { exclude: ["onnxruntime-web"] },
  server: { headers },
  preview: { headers },
  build: { target: "es2022", reportCompressedSize: false, chunkSizeWarningLimit: 2000 },
});

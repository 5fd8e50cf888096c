import { onnxruntimeWebgpu } from "@softmax-bench/adapter-onnxruntime-node";
import { defineConfig } from "vitest/config";

// The dynamic linker and the Vulkan loader read their variables when a process starts: each test file gets one.
export default defineConfig({
  test: { pool: "forks", env: { ...(await onnxruntimeWebgpu.environment?.()) } },
});

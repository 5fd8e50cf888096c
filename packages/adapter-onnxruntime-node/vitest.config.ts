import { onnxruntimeWebgpu } from "@softmax-bench/adapter-onnxruntime-node";
import { mergeConfig } from "vitest/config";
import shared from "../../vitest.shared.js";

// The dynamic linker and the Vulkan loader read their variables when a process starts: each test file gets one.
export default mergeConfig(shared, {
  test: { isolate: true, env: { ...(await onnxruntimeWebgpu.environment?.()) } },
});

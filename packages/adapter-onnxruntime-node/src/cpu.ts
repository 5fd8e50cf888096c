import { cpus } from "node:os";
import type { Availability, Backend } from "@softmax-bench/core";

/** ONNX Runtime's CPU execution provider, in process, through the native addon onnxruntime-node. */
export const onnxruntimeCpu: Backend = {
  id: "onnxruntime-cpu",
  dtypes: ["float32", "float64"],

  async probe(): Promise<Availability> {
    try {
      await import("onnxruntime-node");
      return { available: true };
    } catch (error) {
      return {
        available: false,
        reason: `onnxruntime-node does not load: ${firstLine(error)}`,
        remedy: `reinstall dependencies on this platform (${process.platform}-${process.arch}) with pnpm install`,
      };
    }
  },

  async open({ threads }) {
    const { OnnxEngine } = await import("./engine.js");
    const { runtimeVersion } = await import("./runtime.js");
    return new OnnxEngine(
      {
        engine: { name: "onnxruntime-node", version: runtimeVersion() },
        device: { kind: "cpu", name: cpus()[0]?.model.trim() ?? process.arch },
        threads,
        dtypes: onnxruntimeCpu.dtypes,
      },
      { executionProviders: ["cpu"], intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: 3 },
    );
  },
};

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";

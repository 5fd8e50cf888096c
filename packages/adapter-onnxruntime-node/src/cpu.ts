import { cpus } from "node:os";
import type { Availability, Backend } from "@softmax-bench/core";
import { installedFolder, probeInstalled, QUIET, runtimeAt, versionOf } from "./installation.js";

/** ONNX Runtime's CPU execution provider, in process, through the native addon onnxruntime-node. */
export const onnxruntimeCpu: Backend = {
  id: "onnxruntime-cpu",
  cost: { nsPerElement: 5 },
  trainsFast: true,
  dtypes: ["float32", "float64", "float16"],

  async probe(): Promise<Availability> {
    return probeInstalled();
  },

  async environment() {
    return QUIET;
  },

  async open({ threads }) {
    const { CPU_DTYPE_NOTES, forCpu, OnnxEngine } = await import("@softmax-bench/onnxruntime");
    const runtime = runtimeAt(installedFolder());
    return new OnnxEngine({
      runtime,
      info: {
        engine: { name: "onnxruntime-node", version: versionOf(runtime), code: "native" },
        device: { kind: "cpu", name: cpus()[0]?.model.trim() ?? process.arch },
        threads,
        dtypes: onnxruntimeCpu.dtypes,
      },
      session: {
        executionProviders: ["cpu"],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        logSeverityLevel: 3,
      },
      legalize: forCpu,
      dtypeNotes: CPU_DTYPE_NOTES,
      // It has one thread, and three passes that Exp, ReduceSum and Mul do without.
      slowSoftmax: ["float64"],
      keeps: "nothing",
    });
  },
};

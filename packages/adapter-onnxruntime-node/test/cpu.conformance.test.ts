import { onnxruntimeCpu } from "@softmax-bench/adapter-onnxruntime-node";
import { describeBackend } from "@softmax-bench/conformance";
import { describe } from "vitest";

await describeBackend(onnxruntimeCpu, { casesInTurn: true });
describe("every method", { tags: "nightly" }, () => describeBackend(onnxruntimeCpu));

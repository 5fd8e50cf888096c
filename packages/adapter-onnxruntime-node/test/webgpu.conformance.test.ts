import { onnxruntimeWebgpu } from "@softmax-bench/adapter-onnxruntime-node";
import { describeBackend } from "@softmax-bench/conformance";
import { describe } from "vitest";

await describeBackend(onnxruntimeWebgpu, { casesInTurn: true, compilesSlowly: true });
describe("every method", { tags: "nightly" }, () => describeBackend(onnxruntimeWebgpu));

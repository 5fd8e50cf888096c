import { onnxruntimeWeb } from "@softmax-bench/adapter-onnxruntime-web";
import { describeBackend } from "@softmax-bench/conformance";
import { describe } from "vitest";

// Its engine is that of onnxruntime-cpu, which tries all cases with every method.
await describeBackend(onnxruntimeWeb, { casesInTurn: true });
describe("every method", { tags: "nightly" }, () => describeBackend(onnxruntimeWeb));

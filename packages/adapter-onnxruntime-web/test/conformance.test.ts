import { onnxruntimeWeb } from "@softmax-bench/adapter-onnxruntime-web";
import { describeBackend } from "@softmax-bench/conformance";

await describeBackend(onnxruntimeWeb);

import { onnxruntimeCuda } from "@softmax-bench/adapter-onnxruntime-node";
import { describeBackend } from "@softmax-bench/conformance";

await describeBackend(onnxruntimeCuda);

import { tfjsNodeGpu } from "@softmax-bench/adapter-tfjs-node-gpu";
import { describeBackend } from "@softmax-bench/conformance";
import { memory } from "@tensorflow/tfjs-core";

await describeBackend(tfjsNodeGpu, {
  liveObjects: () => memory().numTensors,
  libraryMultiplies: true,
});

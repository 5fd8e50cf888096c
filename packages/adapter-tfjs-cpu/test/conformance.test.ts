import { tfjsCpu } from "@softmax-bench/adapter-tfjs-cpu";
import { describeBackend } from "@softmax-bench/conformance";
import { memory } from "@tensorflow/tfjs-core";

await describeBackend(tfjsCpu, {
  liveObjects: () => memory().numTensors,
  libraryMultiplies: true,
});

import { tfjsWasm } from "@softmax-bench/adapter-tfjs-wasm";
import { describeBackend } from "@softmax-bench/conformance";
import { memory } from "@tensorflow/tfjs-core";

await describeBackend(tfjsWasm, {
  liveObjects: () => memory().numTensors,
  libraryMultiplies: true,
});

import { tfjsCpu } from "@softmax-bench/adapter-tfjs-cpu";
import { describeBackend } from "@softmax-bench/conformance";
import { memory } from "@tensorflow/tfjs-core";
import { describe } from "vitest";

const options = { liveObjects: () => memory().numTensors, libraryMultiplies: true };

// Its engine is that of tfjs-wasm, which tries all cases with every method.
await describeBackend(tfjsCpu, { ...options, casesInTurn: true });
describe("every method", { tags: "nightly" }, () => describeBackend(tfjsCpu, options));

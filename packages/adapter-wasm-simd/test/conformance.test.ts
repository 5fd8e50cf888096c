import { wasmSimd } from "@softmax-bench/adapter-wasm-simd";
import { describeBackend } from "@softmax-bench/conformance";

await describeBackend(wasmSimd, { trains: false, overlaps: true });

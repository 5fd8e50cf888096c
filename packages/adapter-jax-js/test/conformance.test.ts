import { jaxJs } from "@softmax-bench/adapter-jax-js";
import { describeBackend } from "@softmax-bench/conformance";

// Its exp and log are polynomials made for float32, in every dtype.
await describeBackend(jaxJs, { float64Precision: "float32" });

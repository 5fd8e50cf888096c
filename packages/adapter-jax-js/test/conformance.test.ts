import { jaxJs } from "@softmax-bench/adapter-jax-js";
import { describeBackend } from "@softmax-bench/conformance";

await describeBackend(jaxJs, { trains: false });

import { describeBackend } from "@softmax-bench/conformance";
import { jax } from "@softmax-bench/host-python";

await describeBackend(jax, { trains: false, compilesSlowly: true, cancelsQuotients: true });

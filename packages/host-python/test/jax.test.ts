import { describeBackend } from "@softmax-bench/conformance";
import { jax } from "@softmax-bench/host-python";
import { describe } from "vitest";

const options = { trains: false, compilesSlowly: true, cancelsQuotients: true };

await describeBackend(jax, { ...options, casesInTurn: true });
describe("every method", { tags: "nightly" }, () => describeBackend(jax, options));

import { jaxJs } from "@softmax-bench/adapter-jax-js";
import { describeBackend } from "@softmax-bench/conformance";
import { describe } from "vitest";

await describeBackend(jaxJs, { trains: false, casesInTurn: true });
describe("every method", { tags: "nightly" }, () => describeBackend(jaxJs, { trains: false }));

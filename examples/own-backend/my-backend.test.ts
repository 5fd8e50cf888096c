import { describeBackend } from "@softmax-bench/conformance";
import { myBackend } from "./my-backend.ts";

await describeBackend(myBackend, { trains: false, plainLossOnly: true });

import { describeBackend } from "@softmax-bench/conformance";
import { pytorch } from "@softmax-bench/host-python";

await describeBackend(pytorch, { trains: false });

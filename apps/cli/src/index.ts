export * from "@softmax-bench/runner";

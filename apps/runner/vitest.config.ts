import { mergeConfig } from "vitest/config";
import shared from "../../vitest.shared.js";

// The tests run the real command line, which starts real workers: one file at a time.
export default mergeConfig(shared, { test: { fileParallelism: false } });

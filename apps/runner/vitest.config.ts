import { mergeConfig } from "vitest/config";
import shared from "../../vitest.shared.js";

// The tests run the real command line, which starts real workers: two files at a time keep two cores busy.
export default mergeConfig(shared, { test: { maxWorkers: 2 } });

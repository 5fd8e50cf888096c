import { defineConfig, mergeConfig } from "vitest/config";
import shared from "../../vitest.shared.js";

// Many tests wait, for a time limit or for a process to end: three files at a time keep two cores busy.
export default mergeConfig(shared, defineConfig({ test: { maxWorkers: 3 } }));

import { defineConfig, mergeConfig } from "vitest/config";
import shared from "../../vitest.shared.js";

// One file registers an operator of its own, which others must not see.
export default mergeConfig(shared, defineConfig({ test: { isolate: true } }));

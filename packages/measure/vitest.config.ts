import { defineConfig, mergeConfig } from "vitest/config";
import shared from "../../vitest.shared.js";

// One file replaces mitata, which others need.
export default mergeConfig(shared, defineConfig({ test: { isolate: true } }));

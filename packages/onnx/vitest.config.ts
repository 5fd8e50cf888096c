import { defineConfig } from "vitest/config";

// Much is computed in plain JavaScript, and other suites run beside this one.
export default defineConfig({ test: { testTimeout: 60_000 } });

import { defineConfig } from "vitest/config";

/**
 * What every package's tests run with. Tests are about what is right, not about how fast: other suites, and whatever else
 * the machine does, run beside them. How fast things are is what `pnpm performance` shows.
 */
export default defineConfig({ test: { testTimeout: 120_000, hookTimeout: 120_000 } });

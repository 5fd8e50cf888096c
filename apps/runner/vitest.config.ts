import { defineConfig } from "vitest/config";

// The tests run the real command line, which starts real workers: one file at a time, and with patience.
export default defineConfig({ test: { testTimeout: 120_000, fileParallelism: false } });

import { defineConfig } from "vitest/config";

// Examples start runtimes, in processes of their own; other suites run beside this one.
export default defineConfig({ test: { testTimeout: 60_000 } });

import { defineConfig } from "vitest/config";

// Networks are computed in plain JavaScript, and megabytes are sent; other suites run beside this one.
export default defineConfig({ test: { testTimeout: 60_000 } });

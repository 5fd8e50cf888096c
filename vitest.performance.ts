import { defineConfig } from "vitest/config";

/** Claims about speed, which hold on a machine that does nothing else: `pnpm performance`. */
export default defineConfig({
  test: {
    include: ["performance/*.perf.ts"],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    fileParallelism: false,
    // Packages are measured as Node loads them: vitest turns the imports of what it transforms into getters.
    server: { deps: { external: [/\/dist\//] } },
  },
});

import { defineConfig } from "vitest/config";

export default defineConfig({
  // The throughput test measures the built package as Node loads it, untransformed.
  test: { server: { deps: { external: [/\/numerics\/dist\//] } } },
});

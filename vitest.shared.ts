import { defineConfig } from "vitest/config";

/**
 * The configuration of every package's tests. `pnpm test` runs what is right or wrong however busy the machine is. The tag
 * `nightly` marks what takes long, and claims about speed, which hold where nothing else runs: `pnpm test:nightly`.
 */
export default defineConfig({
  test: {
    // Ends what hangs. A test that runs takes as long as a busy machine makes it.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 60_000 } },
    // Tests agree to downloads; those of the question take the variable away.
    env: { SOFTMAX_BENCH_YES: "1" },
    // Files of one package share processes: most of what they load is the same.
    isolate: false,
    tags: [{ name: "nightly", skip: !process.env.NIGHTLY, timeout: 900_000 }],
    // Packages run as Node loads them: vitest turns the imports of what it transforms into getters.
    server: { deps: { external: [/\/dist\//] } },
  },
});

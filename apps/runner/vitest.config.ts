import { defineConfig, mergeConfig } from "vitest/config";
import shared from "../../vitest.shared.js";

/** Starts pnpm, which may build: nothing else runs from what is being built. */
const BUILDING = "test/faults/launchers.test.ts";
const ALL = "test/**/*.test.ts";

// The tests run the real command line, which starts real workers: two files at a time keep two cores busy.
export default mergeConfig(
  shared,
  defineConfig({
    test: {
      projects: [
        {
          extends: true,
          test: {
            name: "measuring",
            include: [ALL],
            exclude: [BUILDING],
            maxWorkers: 2,
            sequence: { groupOrder: 0 },
          },
        },
        {
          extends: true,
          test: { name: "building", include: [BUILDING], maxWorkers: 1, sequence: { groupOrder: 1 } },
        },
      ],
    },
  }),
);

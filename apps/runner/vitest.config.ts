import { defineConfig, mergeConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import shared from "../../vitest.shared.js";

/** The files that take longest. They begin first, so that none of them runs alone at the end. */
const LONGEST = [
  ...["bundle", "gate", "cli", "browsers", "known-digests", "own-backends", "faults/workers", "report"],
  ...["faults/gate", "depth", "visitors", "try", "faults/journal", "provisioning", "own-methods"],
  ...["measuring", "faults/kills", "precision", "browser-gpu", "faults/disk", "references", "merge"],
];

const rankOf = ({ moduleId }: TestSpecification): number => {
  const rank = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
  return rank === -1 ? LONGEST.length : rank;
};

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}

// Many tests wait, for a time limit or for a process to end: four files at a time keep two cores busy.
export default mergeConfig(
  shared,
  defineConfig({ test: { maxWorkers: 4, sequence: { sequencer: LongestFirst } } }),
);

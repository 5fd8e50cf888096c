import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type ExperimentOutcome, readValidation } from "../dist/gate/validation/journal.js";
import { appendLine } from "../dist/gate/validation/line-journal.js";
import { temporaryFolder } from "./support/cli.js";

const outcome = (id: string): ExperimentOutcome => ({
  type: "outcome",
  id,
  kind: "A/A",
  seconds: 1,
  cells: [],
  broken: [],
});

describe("the journal of a validation", () => {
  const journalOf = (...ids: string[]): string => {
    const file = join(temporaryFolder(), "journal.jsonl");
    writeFileSync(file, "");
    const startedAt = "2026-01-01T00:00:00.000Z";
    appendLine(file, {
      type: "validation",
      quick: true,
      commit: null,
      cpu: "c",
      cores: 1,
      node: "v20",
      startedAt,
    });
    for (const id of ids) appendLine(file, outcome(id));
    return file;
  };

  it("is read as it was written", () => {
    expect(readValidation(journalOf("a", "b"))?.outcomes).toEqual([outcome("a"), outcome("b")]);
  });

  it("holds an experiment once, and names the lines where it does not", () => {
    expect(() => readValidation(journalOf("a", "b", "a"))).toThrow(
      /journal\.jsonl:4 is of a, as line 2 is; remove one of the two lines/,
    );
  });
});

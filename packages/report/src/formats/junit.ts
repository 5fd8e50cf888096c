import { cellKey } from "@softmax-bench/core";
import { type CellComparison, type CellId, type Comparison, toOutcome } from "@softmax-bench/regression";
import Builder from "fast-xml-builder";
import { explainVerdict, sideText, verdictWord } from "../comparison.js";
import { oneLine } from "../untrusted.js";

/**
 * A comparison as JUnit XML: a test case per cell. A regression is a failure, a broken cell an error, and a cell that
 * this machine cannot run is skipped; everything else is the case's output.
 */
export function junitXml(comparison: Comparison): string {
  const { cells, notCompared, baseline, candidate } = comparison;
  const count = (predicate: boolean[]) => predicate.filter(Boolean).length;
  const counts = {
    "@tests": cells.length + notCompared.length,
    "@failures": count(cells.map(({ verdict }) => verdict === "regression")),
    "@errors": count(notCompared.map(({ kind }) => kind === "broken")),
    "@skipped": count(notCompared.map(({ kind }) => kind !== "broken")),
  };
  const suite = {
    "@name": oneLine(`softmax-bench: ${candidate.name} against ${baseline.name}`),
    ...counts,
    properties: {
      property: Object.entries({
        outcome: outcomeName(comparison),
        baseline: sideText(baseline),
        candidate: sideText(candidate),
        "cells asked for": counts["@tests"],
        "cells compared": cells.length,
        "cells excluded": notCompared.length,
      }).map(([name, value]) => ({ "@name": name, "@value": oneLine(String(value)) })),
    },
    testcase: [
      ...cells.map((cell) => ({ ...nameAttributes(cell), ...toResult(cell, comparison) })),
      ...notCompared.map((cell) => ({
        ...nameAttributes(cell),
        [cell.kind === "broken" ? "error" : "skipped"]: { "@message": oneLine(cell.reason) },
      })),
    ],
  };
  const builder = new Builder({ ignoreAttributes: false, attributeNamePrefix: "@", format: true });
  const document = {
    "?xml": { "@version": "1.0", "@encoding": "UTF-8" },
    testsuites: { "@name": "softmax-bench", ...counts, testsuite: suite },
  };
  return builder.build(document);
}

const outcomeName = (comparison: Comparison): string =>
  verdictWord(toOutcome(comparison) as never, comparison);

const nameAttributes = (cell: CellId) => ({
  "@classname": oneLine(`${cell.backend}.${cell.workload}`),
  "@name": oneLine(cellKey(cell)),
});

function toResult(cell: CellComparison, comparison: Comparison): object {
  const word = verdictWord(cell.verdict, comparison);
  const said = oneLine(`${word}: ${explainVerdict(cell)}`);
  if (cell.verdict === "regression") return { failure: { "@message": said, "@type": word } };
  return cell.verdict === "pass" ? {} : { "system-out": said };
}

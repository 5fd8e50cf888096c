import type { Results } from "@softmax-bench/core";
import { formatCount, formatError, rank, resolveSpeedup, showSpeedup } from "@softmax-bench/report/model";
import { useMemo } from "preact/hooks";
import { shortName } from "../components/choices.js";
import { Figure } from "../components/figure.js";
import { Table } from "../components/table.js";
import { Section } from "./section.js";

/** Findings of the original experiment, in PyTorch, with 3200×3200 inputs; it gave no more digits. */
const ORIGINAL = [
  ["PyTorch, 2017", "float32", "by hand", "autograd", "~1e-7", "", "", "slightly above 1×"],
  ["PyTorch, 2017", "float64", "by hand", "autograd", "~1e-16", "", "", "slightly above 1×"],
];

/** The distance of the gradient by hand from the automatic one on the same backend, and its speedup. */
export function ByHand({ results, workload }: { results: Results; workload: string | undefined }) {
  const ranked = useMemo(
    () =>
      rank(
        results.cells.filter((cell) => cell.workload === workload),
        results,
      ),
    [results, workload],
  );
  const shown = results.distances.filter((distance) => distance.workload === workload);
  if (shown.length === 0) return null;
  return (
    <Section id="by-hand" title="By hand against automatic">
      <Figure
        caption="Distances between two gradients of one backend – not errors: both may be wrong alike"
        numbers={{
          name: "by-hand-against-automatic",
          columns: [
            "backend",
            "dtype",
            "workload",
            "a",
            "b",
            "sum |a-b|",
            "relative L2",
            "max ULP",
            "speed-up",
            "steadiness",
            "resolution",
            "tied",
          ],
          rows: shown.map((distance) => {
            const { backend, dtype, workload: on, a, b, sumAbs, relL2, maxUlp, speedup } = distance;
            const { steadiness, resolution, tied } = resolveSpeedup(distance, ranked) ?? {};
            return [
              ...[backend, dtype, on, a, b],
              ...[sumAbs, relL2, maxUlp, speedup],
              ...[steadiness, resolution, tied?.toString()],
            ];
          }),
        }}
      >
        <Table
          label="By hand against automatic"
          columns={["backend", "dtype", "by hand", "automatic", "Σ|a − b|", "rel. L2", "max ULP", "speed-up"]}
          rows={[
            ...(workload === "seed-3200" ? ORIGINAL : []),
            ...shown.map((distance) => [
              ...[shortName(distance.backend), distance.dtype, shortName(distance.a), shortName(distance.b)],
              ...[formatError(distance.sumAbs), formatError(distance.relL2), formatCount(distance.maxUlp)],
              showSpeedup(distance, ranked),
            ]),
          ]}
        />
      </Figure>
    </Section>
  );
}

import type { Results } from "@softmax-bench/core";
import {
  type Constraints,
  formatDuration,
  formatRatio,
  hostsView,
  oneLine,
  startRows,
} from "@softmax-bench/report/model";
import { useMemo } from "preact/hooks";
import { Table } from "../components/table.js";
import { Section } from "./section.js";

/** The fastest cells and the times of backends on each host, side by side. */
export function Hosts({ results, constraints }: { results: Results; constraints: Constraints }) {
  const view = useMemo(() => hostsView(results, constraints), [results, constraints]);
  if (!view) return null;
  const { hosts, winners, flips, ratios, starts } = view;
  return (
    <Section id="hosts" title="Hosts">
      <p>
        The fastest backend within the error bound differs between hosts on {flips} of {winners.length} pairs
        of workload and dtype. Times that cannot be told from the fastest of all are marked with =.
      </p>
      <Table
        label="Fastest within the error bound, by host"
        columns={["workload", "dtype", ...hosts]}
        rows={winners.map(({ workload, dtype, on }) => [
          workload,
          dtype,
          ...on.map((winner) =>
            winner
              ? oneLine(
                  `${winner.backend} ${winner.method}, ${formatDuration(winner.medianNs)}${
                    winner.ratio === 1 ? "" : winner.isTied ? " =" : `, ${formatRatio(winner.ratio)}`
                  }`,
                )
              : "none",
          ),
        ])}
      />
      <Table
        label={`Gradient times over those on ${hosts[0] ?? ""}`}
        columns={["backend", "host", "median ratio", "range", "cells", "slower", "faster", "same bits"]}
        rows={ratios.map((one) => [
          ...[one.backend, one.host, formatRatio(one.median), one.range.map(formatRatio).join(" to ")],
          ...[one.cells, one.slower, one.faster, one.sameBits].map(String),
        ])}
      />
      <Table
        label="Cold start, and what a page fetches, compressed"
        columns={["backend", ...hosts, "a page fetches"]}
        rows={startRows(starts)}
      />
    </Section>
  );
}

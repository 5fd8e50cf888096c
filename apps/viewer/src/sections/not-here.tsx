import { type Cell, shorten } from "@softmax-bench/core";
import { type CellMap, type FoldedGroup, oneLine } from "@softmax-bench/report/model";
import { shortName } from "../components/choices.js";
import { Table } from "../components/table.js";

/** One line on the backends and methods that have no place on the map; their cells, on demand. */
export function NotHere({
  map: { foldedBackends, foldedMethods, columns },
  cells,
}: {
  map: CellMap;
  cells: readonly Cell[];
}) {
  const folded = [...foldedBackends, ...foldedMethods];
  if (folded.length === 0) return null;
  const shown = new Set(columns.map(({ backend }) => backend));
  const absent = cells.filter(({ backend, status }) => status !== "ok" && !shown.has(backend));
  const methods = new Set(foldedMethods.flatMap(({ names }) => names));
  const rows = [
    ...absent,
    ...cells.filter(({ backend, method }) => shown.has(backend) && methods.has(method)),
  ];
  return (
    <details class="folded">
      <summary>Not here: {folded.map(describeFolded).join("; ")}</summary>
      <ul>
        {folded.map(
          ({ names, reason }) =>
            reason && <li key={names.join()}>{`${names.map(shortName).join(", ")}: ${oneLine(reason)}`}</li>,
        )}
      </ul>
      {rows.length > 0 && (
        <Table
          label="Cells without a result"
          columns={["backend", "method", "status", "reason"]}
          rows={rows.map(({ backend, method, status, reason = "" }) => [
            ...[shortName(backend), shortName(method)],
            ...[status, reason],
          ])}
        />
      )}
    </details>
  );
}

const describeFolded = ({ names, kind, reason }: FoldedGroup): string => {
  const shown = names.length > 4 ? [...names.slice(0, 3), `${names.length - 3} more`] : names;
  const word = kind === "excluded" ? "left out by your case" : kind;
  // The rest of a reason is one click away.
  const [why = ""] = oneLine(reason)
    .replaceAll(/ \([^)]*\)/g, "")
    .split(/[,;]/);
  return `${shown.map(shortName).join(", ")} (${[word, shorten(why, 80)].filter(Boolean).join(": ")})`;
};

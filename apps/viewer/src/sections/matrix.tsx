import type { Cell } from "@softmax-bench/core";
import {
  type CellMap,
  type Constraints,
  describeBound,
  type ErrorMeasure,
  hasSettled,
  type MapCell,
  type MapColumn,
} from "@softmax-bench/report/model";
import { useState } from "preact/hooks";
import { Breakable } from "../components/backend-name.js";
import { shortName } from "../components/choices.js";
import { Figure } from "../components/figure.js";
import { moveFocus } from "../components/move-focus.js";
import { Scroll } from "../components/scroll.js";
import { colorOf } from "../model/colors.js";
import { QUALIFIERS, qualify } from "../model/csv.js";
import { CellDetail } from "./cell-detail.js";
import { MapButton } from "./map-button.js";
import { NotHere } from "./not-here.js";
import { Section } from "./section.js";

/** Backends × methods: time and error of each cell, or the reason why it is missing. */
export function Matrix({
  map,
  cells,
  question,
  constraints,
}: {
  map: CellMap;
  cells: readonly Cell[];
  question: string;
  constraints: Constraints;
}) {
  const [chosen, choose] = useState<string>();
  const [active, activate] = useState<string>();
  if (cells.length === 0) return null;
  const { columns, methods, find } = map;
  const { phase } = constraints;
  const shade = shadeScale(map);
  const selected = cells.find((cell) => placeKey(cell) === chosen);
  const places = methods.flatMap((method) =>
    columns.flatMap(({ backend }) => (find(backend, method) ? [placeKey({ backend, method })] : [])),
  );
  // Tab reaches one cell: the last one that had the focus, while it is on the map.
  const reached = active !== undefined && places.includes(active) ? active : places[0];
  const toggle = (key: string) => choose(key === chosen ? undefined : key);
  return (
    <Section id="matrix" title="Every backend and method">
      <Figure
        caption={`${question}, ${phase === "roundtrip" ? "round trip" : "gradient"}: time, and below it the ${ERROR_NAMES[constraints.error.measure]}. A cell opens its samples; arrow keys move between cells.`}
        numbers={{
          name: "matrix",
          columns: [
            ...["backend", "method", "status", "reason", "standing"],
            ...["median ns", ...QUALIFIERS, "relative L2", "max ULP"],
          ],
          rows: cells.map(({ backend, method, status, reason, timing, accuracy }) => {
            const { standing, ranked } = find(backend, method) ?? {};
            return [
              ...[backend, method, status, reason, standing],
              ...[timing?.[phase]?.medianNs, ...qualify(timing?.[phase], ranked?.resolution)],
              ...[accuracy?.gradient.relL2, accuracy?.gradient.maxUlp],
            ];
          }),
        }}
      >
        {columns.length > 0 && (
          <>
            <Scroll label="Map of backends and methods">
              <table class="matrix" aria-label="Map of backends and methods" onKeyDown={moveFocus}>
                <thead>
                  <tr>
                    <th scope="col">method</th>
                    {columns.map((column) => (
                      <ColumnHead key={column.backend} column={column} />
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {methods.map((method) => (
                    <tr key={method}>
                      <th scope="row">
                        <Breakable text={shortName(method)} />
                      </th>
                      {columns.map(({ backend }) => {
                        const entry = find(backend, method);
                        const key = placeKey({ backend, method });
                        return (
                          <td key={backend}>
                            {entry && (
                              <MapButton
                                entry={entry}
                                measure={constraints.error.measure}
                                shade={shade(entry)}
                                isPressed={key === chosen}
                                isReached={key === reached}
                                onFocus={() => activate(key)}
                                onChoose={() => toggle(key)}
                              />
                            )}
                          </td>
                        );
                      })}
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
            <Legend map={map} bound={describeBound(dtypeOf(cells), constraints.error)} />
          </>
        )}
        <NotHere map={map} cells={cells} />
      </Figure>
      {selected && <CellDetail cell={selected} />}
    </Section>
  );
}

const dtypeOf = ([first]: readonly Cell[]): Cell["dtype"] => first?.dtype ?? "float32";

const ERROR_NAMES: Readonly<Record<ErrorMeasure, string>> = {
  relL2: "relative L2 error",
  relL2Plain: "relative L2 error",
  p99Ulp: "error of 99 of 100 entries, in ULP",
  maxUlp: "largest error, in ULP",
};

const placeKey = ({ backend, method }: Pick<Cell, "backend" | "method">): string =>
  JSON.stringify([backend, method]);

function ColumnHead({ column: { backend, note } }: { column: MapColumn }) {
  const name = shortName(backend);
  return (
    <th scope="col" style={{ borderBottom: `4px solid ${colorOf(name)}` }}>
      <Breakable text={name} />
      {note && <small>{note}</small>}
    </th>
  );
}

/** The shade of each cell, on a logarithmic scale between the fastest and the slowest contender. */
function shadeScale({ columns, methods, find }: CellMap): (entry: MapCell) => number {
  const times = columns
    .filter(({ note }) => note === undefined)
    .flatMap(({ backend }) => methods.map((method) => find(backend, method)?.ranked?.timing.medianNs ?? 0))
    .filter((ns) => ns > 0 && Number.isFinite(ns));
  const [low, high] = [Math.min(...times), Math.max(...times)];
  return ({ ranked }) => {
    const ns = ranked?.timing.medianNs ?? 0;
    if (!(ns > 0) || !(high > low)) return ns === low ? 1 : 0;
    return Math.min(1, Math.max(0, Math.log(high / ns) / Math.log(high / low)));
  };
}

/** The marks that are on the map, explained. */
function Legend({ map: { columns, methods, find }, bound }: { map: CellMap; bound: string }) {
  const entries = columns.flatMap(({ backend }) => methods.flatMap((method) => find(backend, method) ?? []));
  const standings = new Set(entries.map(({ standing }) => standing));
  const marks = [
    ["fastest", "fastest within the bound"],
    ["tied", "= tied with it"],
    ["outside", `exceeds the bound (${bound})`],
  ] as const;
  return (
    <ul class="legend">
      <li>
        <span class="swatch scale" /> stronger is faster
      </li>
      {marks.map(
        ([standing, text]) =>
          standings.has(standing) && (
            <li key={standing}>
              <span class="swatch" data-standing={standing} /> {text}
            </li>
          ),
      )}
      {entries.some(({ ranked }) => ranked && !hasSettled(ranked)) && (
        <li>~ times had not settled: never the fastest</li>
      )}
    </ul>
  );
}

import { type Cell, shorten } from "@softmax-bench/core";
import {
  type Absence,
  type CellMap,
  type Constraints,
  describeBound,
  type ErrorMeasure,
  type FoldedGroup,
  formatCount,
  formatDuration,
  formatError,
  isInUlp,
  type MapCell,
  type MapColumn,
  measuredError,
  oneLine,
  type Standing,
} from "@softmax-bench/report/model";
import { useState } from "preact/hooks";
import { Breakable } from "../components/backend-name.js";
import { shortName } from "../components/choices.js";
import { Figure } from "../components/figure.js";
import { Scroll } from "../components/scroll.js";
import { Table } from "../components/table.js";
import { colorOf } from "../model/colors.js";
import { CellDetail } from "./cell-detail.js";
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
          columns: ["backend", "method", "status", "reason", "median ns", "relative L2", "max ULP"],
          rows: cells.map(({ backend, method, status, reason, timing, accuracy }) => [
            ...[backend, method, status, reason],
            ...[timing?.[phase]?.medianNs, accuracy?.gradient.relL2, accuracy?.gradient.maxUlp],
          ]),
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

/** The words for the standing of a cell, in its tooltip and for screen readers; empty for an ordinary cell. */
const STANDINGS: Readonly<Record<Standing, string>> = {
  fastest: "the fastest within the error bound",
  tied: "tied with the fastest",
  eligible: "",
  unsettled: "its times had not settled",
  outside: "exceeds the error bound",
  "not a contender": "for comparison only",
};

/** The mark of a cell without a result; no two kinds look alike. */
const MARKS: Readonly<Record<Absence, string>> = {
  unsupported: "–",
  "too slow": "…",
  unavailable: "○",
  "timed out": "⋯",
  failed: "!",
  crashed: "‼",
  "not timed": "?",
};

const isAbsence = (standing: MapCell["standing"]): standing is Absence => standing in MARKS;

function MapButton({
  entry: { cell, ranked, standing },
  measure,
  shade,
  isPressed,
  isReached,
  onFocus,
  onChoose,
}: {
  entry: MapCell;
  measure: ErrorMeasure;
  /** 0 for the slowest, 1 for the fastest. */
  shade: number;
  isPressed: boolean;
  /** Tab reaches it; arrow keys lead to the others. */
  isReached: boolean;
  onFocus: () => void;
  onChoose: () => void;
}) {
  const name = `${shortName(cell.backend)} ${shortName(cell.method)}`;
  const common = {
    type: "button",
    tabIndex: isReached ? 0 : -1,
    onFocus,
    "aria-pressed": isPressed,
    "data-standing": standing,
    onClick: onChoose,
  } as const;
  if (!ranked || isAbsence(standing)) {
    const why = oneLine(cell.reason ?? "");
    return (
      <button
        {...common}
        class="absent"
        title={why || undefined}
        aria-label={[`${name}: ${standing}`, why].filter(Boolean).join(", ")}
      >
        <small data-sign={isAbsence(standing) ? MARKS[standing] : undefined}>{standing}</small>
      </button>
    );
  }
  const time = formatDuration(ranked.timing.medianNs);
  const measured = measuredError(ranked, measure);
  const error = isInUlp(measure) ? `${formatCount(measured)} ULP` : formatError(measured);
  const words = STANDINGS[standing];
  return (
    <button
      {...common}
      style={{ "--shade": `${Math.round(8 + 92 * shade)}%` }}
      title={words || undefined}
      aria-label={[`${name}: ${time} ${error} error`, words].filter(Boolean).join(", ")}
    >
      <span class="time">{time}</span> <small>{error}</small>
    </button>
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
  const standings = new Set(
    columns.flatMap(({ backend }) => methods.map((method) => find(backend, method)?.standing)),
  );
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
      {standings.has("unsettled") && <li>~ times had not settled: never the fastest</li>}
    </ul>
  );
}

/** One line on the backends and methods that have no place on the map; their cells, on demand. */
function NotHere({
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

const STEPS: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** Arrow keys move the focus to the next cell in their direction; with a modifier they are the browser's. */
function moveFocus(event: KeyboardEvent & { readonly currentTarget: HTMLTableElement }): void {
  const step = STEPS[event.key];
  const place = event.target instanceof Element ? event.target.closest("td") : null;
  if (!step || !place || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const rows = [...event.currentTarget.tBodies].flatMap((body) => [...body.rows]);
  let row = rows.findIndex((one) => one.contains(place));
  let column = place.cellIndex;
  let next: Element | undefined;
  do {
    row += step[0];
    column += step[1];
    next = rows[row]?.cells[column];
  } while (next && !next.querySelector("button"));
  next?.querySelector("button")?.focus();
}

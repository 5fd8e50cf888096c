import * as Plot from "@observablehq/plot";
import type { Cell } from "@softmax-bench/core";
import { formatDuration, formatError, oneLine, type RankedPhase } from "@softmax-bench/report/model";
import { useState } from "preact/hooks";
import { OneOf, shortName } from "../components/choices.js";
import { Figure } from "../components/figure.js";
import { Scroll } from "../components/scroll.js";
import { CellDetail } from "./cell-detail.js";
import { Section } from "./section.js";

type Quantity = "time" | "error";

/** Backends × methods: time or error of each cell, or the reason why it is missing. */
export function Matrix({ cells, phase }: { cells: readonly Cell[]; phase: RankedPhase }) {
  const [quantity, setQuantity] = useState<Quantity>("time");
  const [chosen, choose] = useState<string>();
  const backends = [...new Set(cells.map(({ backend }) => backend))];
  const methods = [...new Set(cells.map(({ method }) => method))];
  const byPlace = new Map(cells.map((cell) => [placeKey(cell), cell]));
  const shownValue = (cell: Cell): number | undefined =>
    quantity === "time" ? cell.timing?.[phase]?.medianNs : cell.accuracy?.gradient.relL2;
  const color = colorScale(cells.flatMap((cell) => shownValue(cell) ?? []));
  if (cells.length === 0) return null;
  const selected = chosen === undefined ? undefined : byPlace.get(chosen);
  return (
    <Section id="matrix" title="Every cell">
      <OneOf<Quantity>
        legend="Shown"
        options={[
          ["time", phase === "gradient" ? "time of the gradient" : "time of the round trip"],
          ["error", "relative L2 error"],
        ]}
        value={quantity}
        onChange={setQuantity}
      />
      <Figure
        caption="Darker is slower, or further off. A cell opens its samples; arrow keys move between cells"
        numbers={{
          name: "matrix",
          columns: ["backend", "method", "status", "reason", "median ns", "relative L2"],
          rows: cells.map(({ backend, method, status, reason, timing, accuracy }) => [
            ...[backend, method, status, reason],
            ...[timing?.[phase]?.medianNs, accuracy?.gradient.relL2],
          ]),
        }}
      >
        <Scroll label="Matrix of backends and methods">
          <table class="matrix" onKeyDown={moveFocus}>
            <thead>
              <tr>
                <th scope="col">method</th>
                {backends.map((backend) => (
                  <th key={backend} scope="col">
                    {shortName(backend)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {methods.map((method, row) => (
                <tr key={method}>
                  <th scope="row">{shortName(method)}</th>
                  {backends.map((backend, column) => {
                    const key = placeKey({ backend, method });
                    const cell = byPlace.get(key);
                    return (
                      <td key={backend}>
                        {cell && (
                          <MatrixCell
                            cell={cell}
                            quantity={quantity}
                            value={shownValue(cell)}
                            color={color}
                            isPressed={key === chosen}
                            isFirst={row === 0 && column === 0}
                            onChoose={() => choose(key === chosen ? undefined : key)}
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
      </Figure>
      {selected && <CellDetail cell={selected} />}
    </Section>
  );
}

const placeKey = ({ backend, method }: Pick<Cell, "backend" | "method">): string =>
  JSON.stringify([backend, method]);

function MatrixCell({
  cell: { status, reason, backend, method },
  quantity,
  value,
  color,
  isPressed,
  isFirst,
  onChoose,
}: {
  cell: Cell;
  quantity: Quantity;
  value: number | undefined;
  color: (value: number) => { background: string; color: string } | undefined;
  isPressed: boolean;
  isFirst: boolean;
  onChoose: () => void;
}) {
  const text =
    value === undefined ? status : quantity === "time" ? formatDuration(value) : formatError(value);
  const why = oneLine(reason ?? "");
  return (
    <button
      type="button"
      class={value === undefined ? "absent" : undefined}
      style={value === undefined ? undefined : color(value)}
      title={why || undefined}
      tabIndex={isFirst ? 0 : -1}
      aria-pressed={isPressed}
      aria-label={`${shortName(backend)} ${shortName(method)}: ${text}${why ? `, ${why}` : ""}`}
      onClick={onChoose}
    >
      {text}
    </button>
  );
}

/** Light for small, dark for large, on a logarithmic scale, with text that can be read on it. */
function colorScale(values: readonly number[]) {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  const [low, high] = [Math.min(...positive), Math.max(...positive)];
  const scale = positive.length
    ? Plot.scale({ color: { type: "log", scheme: "blues", domain: [low / 2, 2 * high] } })
    : undefined;
  return (value: number): { background: string; color: string } | undefined => {
    if (!scale || !(value > 0) || !Number.isFinite(value)) return undefined;
    const background: string = scale.apply(value);
    return { background, color: luminance(background) > 0.2 ? "#000" : "#fff" };
  };
}

/** Relative luminance of `rgb(…)` (WCAG 2). */
function luminance(color: string): number {
  const [r = 0, g = 0, b = 0] = (color.match(/\d+/g) ?? []).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const STEPS: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** Arrow keys move the focus; Tab reaches the cell where it was last. */
function moveFocus(event: KeyboardEvent & { readonly currentTarget: HTMLTableElement }): void {
  const step = STEPS[event.key];
  const place = event.target instanceof Element ? event.target.closest("td") : null;
  if (!step || !place) return;
  event.preventDefault();
  const rows = [...event.currentTarget.tBodies].flatMap((body) => [...body.rows]);
  const row = rows[rows.findIndex((one) => one.contains(place)) + step[0]];
  const next = row?.cells[place.cellIndex + step[1]]?.querySelector("button");
  if (!next) return;
  for (const button of event.currentTarget.querySelectorAll("button")) button.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

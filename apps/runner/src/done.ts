import { COMPARISONS, cellKey } from "@softmax-bench/core";
import type { Entry, Measurement } from "./journal.js";
import {
  curveKey,
  keyOf,
  networkKey,
  type PlannedCell,
  type PlannedCurve,
  type PlannedNetwork,
  type PlannedSeries,
  seriesKey,
} from "./plan.js";

/** What a cell still needs: to be measured, or (measured before, compared never) only its gradient. */
export type Need = "measurement" | "gradient" | undefined;

/** What the journal of an interrupted run already holds. */
export class DoneWork {
  readonly #measured = new Map<string, Measurement>();
  readonly #distances = new Set<string>();
  readonly #curves = new Set<string>();
  readonly #networks = new Set<string>();
  readonly #series = new Set<string>();
  readonly #planned: ReadonlySet<string>;
  readonly #compared: boolean;

  /** @param compared whether gradients are compared with each other at all */
  constructor(entries: readonly Entry[], planned: readonly PlannedCell[], compared: boolean) {
    this.#compared = compared;
    this.#planned = new Set(planned.map(keyOf));
    for (const entry of entries) {
      if (entry.type === "cell") this.#measured.set(`${cellKey(entry)} ${entry.round}`, entry);
      if (entry.type === "curve") this.#curves.add(curveKey(entry));
      if (entry.type === "network") this.#networks.add(networkKey(entry));
      if (entry.type === "series") this.#series.add(seriesKey(entry));
      if (entry.type === "distance") this.#distances.add(cellKey({ ...entry, method: entry.a }));
    }
  }

  hasCurve(curve: PlannedCurve): boolean {
    return this.#curves.has(curveKey({ ...curve, sweep: curve.sweep.id }));
  }

  hasNetwork(network: PlannedNetwork): boolean {
    return this.#networks.has(networkKey(network));
  }

  hasSeries(series: PlannedSeries): boolean {
    return this.#series.has(seriesKey(series));
  }

  need(cell: PlannedCell, round: number): Need {
    const before = this.#measured.get(`${keyOf(cell)} ${round}`);
    if (!before) return "measurement";
    return this.#compared && round === 0 && before.status === "ok" && this.#lacksDistance(cell)
      ? "gradient"
      : undefined;
  }

  #lacksDistance(cell: PlannedCell): boolean {
    return COMPARISONS.some(([a, b]) => {
      if (cell.method !== a && cell.method !== b) return false;
      const partner = keyOf({ ...cell, method: cell.method === a ? b : a });
      const partnerBefore = this.#measured.get(`${partner} 0`);
      const possible = this.#planned.has(partner) && (partnerBefore?.status ?? "ok") === "ok";
      return possible && !this.#distances.has(keyOf({ ...cell, method: a }));
    });
  }
}

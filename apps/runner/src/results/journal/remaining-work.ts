import { COMPARISONS, cellKey, type Place, placeName } from "@softmax-bench/core";
import { CoreReference, type CoreTimes } from "@softmax-bench/measure";
import { keyOf, type PlannedCell } from "../../plan/plan.js";
import type { Visit } from "../../plan/visits.js";
import { type Entry, type Measurement, measurementKey, resultKey } from "./entries.js";
import { isRepeated, lackedCores } from "./settled-measurements.js";

/**
 * The remaining purpose of a visit: to measure, or only to compute the gradient, where that was measured but never
 * compared.
 */
export type Purpose = "measurement" | "gradient" | undefined;

/** The results that the journal of a run already holds. */
export class RunState {
  /** By `measurementKey`. */
  readonly #measured = new Map<string, Measurement>();
  readonly #cores = new CoreReference();
  readonly #distances = new Set<string>();
  /** Keys of the results of experiments. */
  readonly #results = new Set<string>();
  readonly #planned: ReadonlySet<string>;
  readonly #compared: boolean;

  /** @param compared whether gradients are compared with each other at all */
  constructor(entries: readonly Entry[], planned: readonly PlannedCell[], compared: boolean) {
    this.#compared = compared;
    this.#planned = new Set(planned.map(keyOf));
    for (const entry of entries) this.add(entry);
  }

  add(entry: Entry): void {
    if (entry.type === "cell") {
      const { twin = false, round, pass } = entry;
      this.#measured.set(measurementKey(cellKey(entry), twin, round, pass), entry);
      this.#cores.add(placeName(entry), entry.sampling ?? {});
    }
    const key = resultKey(entry);
    if (key !== undefined) this.#results.add(key);
    if (entry.type === "distance") this.#distances.add(cellKey({ ...entry, method: entry.a }));
  }

  /** @param key of a result, see `resultKey` */
  has(key: string): boolean {
    return this.#results.has(key);
  }

  /** The times of probes on undisturbed cores, as far as they are known. */
  undisturbedCores(place: Place): CoreTimes {
    return this.#cores.of(placeName(place));
  }

  /** @param round counts the processes of a backend from 0 */
  remaining({ cell, isTwin, pass, retry }: Visit, round: number): Purpose {
    if (pass > 0) {
      const passes = Array.from(
        { length: pass + 1 },
        (_, of) => this.#before(keyOf(cell), isTwin, round, of) ?? [],
      ).flat();
      const isDone = passes.at(-1)?.pass === pass;
      if (passes[0]?.pass !== 0 || isDone || !passes.every(isRepeated)) return undefined;
      const reference = this.undisturbedCores(cell);
      const lacking = passes.filter((one) => lackedCores(one, reference)).length;
      return retry === undefined || lacking > retry ? "measurement" : undefined;
    }
    const statusBefore = this.#before(keyOf(cell), isTwin, round)?.status;
    if (statusBefore === undefined) {
      const rounds = isTwin ? round + 1 : round;
      const others = Array.from({ length: rounds }, (_, earlier) =>
        this.#before(keyOf(cell), false, earlier),
      );
      return others.every((measurement) => measurement === undefined || isRepeated(measurement))
        ? "measurement"
        : undefined;
    }
    const isCompared = this.#compared && round === 0 && !isTwin && statusBefore === "ok";
    return isCompared && this.partnersOf(cell).length > 0 ? "gradient" : undefined;
  }

  /** Pairs of methods that the cell's gradient is yet to be compared in. */
  partnersOf(cell: PlannedCell): (typeof COMPARISONS)[number][] {
    if (!this.#compared) return [];
    return COMPARISONS.filter(([a, b]) => {
      if (cell.method !== a && cell.method !== b) return false;
      const partner = keyOf({ ...cell, method: cell.method === a ? b : a });
      const isPossible =
        this.#planned.has(partner) && (this.#before(partner, false, 0)?.status ?? "ok") === "ok";
      return isPossible && !this.#distances.has(keyOf({ ...cell, method: a }));
    });
  }

  #before(key: string, isTwin: boolean, round: number, pass = 0): Measurement | undefined {
    return this.#measured.get(measurementKey(key, isTwin, round, pass));
  }
}

import type { Curve } from "@softmax-bench/core";
import { formatCount, formatDuration, formatError } from "@softmax-bench/report";
import { median } from "@softmax-bench/stats";
import { Presets, SingleBar } from "cli-progress";
import type { Measurement } from "./journal.js";
import type { Observer } from "./matrix.js";
import type { Plan, PlannedCell, PlannedCurve } from "./plan.js";

export interface Progress extends Observer {
  stop(): void;
}

/** A bar where a person watches, one plain line per cell or curve elsewhere. */
export function createProgress(
  { cells, curves }: Plan,
  processes: number,
  finished: number,
  stream: NodeJS.WriteStream,
): Progress {
  const total = cells.length * processes + curves.length;
  if (!stream.isTTY) return new Lines(finished, total, stream);
  const weight = cells.reduce((sum, cell) => sum + weightOf(cell), 0) * processes + curves.length;
  return new Bar(finished, total, weight * (1 - finished / total), stream);
}

type Work = PlannedCell | PlannedCurve;

const labelOf = (work: Work): string =>
  [work.backend, work.method, work.dtype, "sweep" in work ? work.sweep.id : work.workload.id].join(" ");

function outcomeOf(outcome: Measurement | Curve): string {
  if (outcome.status !== "ok") return `${outcome.status}: ${outcome.reason}`;
  if ("points" in outcome) {
    return `${outcome.points.length} points, max ULP ${formatCount(Math.max(...outcome.points.map(({ maxUlp }) => maxUlp)))}`;
  }
  const { samples, accuracy } = outcome;
  const time = samples ? formatDuration(median(samples.gradient)) : "not timed";
  const error = accuracy?.gradient.relL2 ?? Number.NaN;
  return `gradient ${time}, relative error ${formatError(error)}`;
}

class Lines implements Progress {
  readonly #total: number;
  readonly #stream: NodeJS.WriteStream;
  #finished: number;

  constructor(finished: number, total: number, stream: NodeJS.WriteStream) {
    this.#finished = finished;
    this.#total = total;
    this.#stream = stream;
  }

  begin(): void {}

  finish(work: Work, outcome: Measurement | Curve): void {
    this.#finished++;
    this.#stream.write(`[${this.#finished}/${this.#total}] ${labelOf(work)}: ${outcomeOf(outcome)}\n`);
  }

  stop(): void {}
}

/** What a cell or a curve is expected to cost, in arbitrary units: a fixed part, and a part per element. */
const weightOf = (work: Work): number =>
  "sweep" in work ? 1 : 1 + (work.workload.rows * work.workload.classes) / 2e6;

class Bar implements Progress {
  readonly #bar: SingleBar;
  readonly #started = performance.now();
  readonly #weight: number;
  #finishedWeight = 0;
  #last = "";

  /** @param weight of what is left to do, see `weightOf` */
  constructor(finished: number, total: number, weight: number, stream: NodeJS.WriteStream) {
    this.#weight = weight;
    this.#bar = new SingleBar(
      {
        stream,
        format: "{bar} {value}/{total} | {left} left | {cell}{last}",
        barsize: 20,
        hideCursor: true,
        clearOnComplete: true,
        gracefulExit: false,
        etaBuffer: 1,
      },
      Presets.shades_classic,
    );
    this.#bar.start(total, finished, { cell: "starting", left: "?", last: "" });
  }

  begin(work: Work): void {
    this.#bar.update({ cell: labelOf(work), left: this.#timeLeft(), last: this.#last });
  }

  finish(work: Work, outcome: Measurement | Curve): void {
    this.#finishedWeight += weightOf(work);
    this.#last = ` | last: ${outcomeOf(outcome)}`;
    this.#bar.increment(1, { left: this.#timeLeft(), last: this.#last });
  }

  stop(): void {
    this.#bar.stop();
  }

  #timeLeft(): string {
    if (this.#finishedWeight === 0) return "?";
    const perUnit = (performance.now() - this.#started) / this.#finishedWeight;
    const seconds = Math.round((perUnit * Math.max(0, this.#weight - this.#finishedWeight)) / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

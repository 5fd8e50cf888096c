import { formatDuration, formatError } from "@softmax-bench/report";
import { median } from "@softmax-bench/stats";
import { Presets, SingleBar } from "cli-progress";
import type { Measurement } from "./journal.js";
import type { Observer } from "./matrix.js";
import type { PlannedCell } from "./plan.js";

export interface Progress extends Observer {
  stop(): void;
}

/** A bar where a person watches, one plain line per cell elsewhere. */
export function createProgress(
  cells: readonly PlannedCell[],
  processes: number,
  finished: number,
  stream: NodeJS.WriteStream,
): Progress {
  const total = cells.length * processes;
  if (!stream.isTTY) return new Lines(finished, total, stream);
  const weight = cells.reduce((sum, cell) => sum + weightOf(cell), 0) * processes;
  return new Bar(finished, total, weight * (1 - finished / total), stream);
}

const labelOf = ({ backend, method, dtype, workload }: PlannedCell): string =>
  `${backend} ${method} ${dtype} ${workload.id}`;

function outcomeOf({ status, reason, samples, accuracy }: Measurement): string {
  if (status !== "ok") return `${status}: ${reason}`;
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

  finish(cell: PlannedCell, measurement: Measurement): void {
    this.#finished++;
    this.#stream.write(`[${this.#finished}/${this.#total}] ${labelOf(cell)}: ${outcomeOf(measurement)}\n`);
  }

  stop(): void {}
}

/** What a cell is expected to cost, in arbitrary units: a fixed part, and a part per element. */
const weightOf = ({ workload }: PlannedCell): number => 1 + (workload.rows * workload.classes) / 2e6;

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
        format: "{bar} {value}/{total} cells | {left} left | {cell}{last}",
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

  begin(cell: PlannedCell): void {
    this.#bar.update({ cell: labelOf(cell), left: this.#timeLeft(), last: this.#last });
  }

  finish(cell: PlannedCell, measurement: Measurement): void {
    this.#finishedWeight += weightOf(cell);
    this.#last = ` | last: ${outcomeOf(measurement)}`;
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

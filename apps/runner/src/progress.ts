import { type Curve, type NetworkRecord, plural } from "@softmax-bench/core";
import { formatCount, formatDuration, formatError } from "@softmax-bench/report";
import { median } from "@softmax-bench/stats";
import { Presets, SingleBar } from "cli-progress";
import type { Observer } from "./backend-work.js";
import type { Measurement } from "./journal.js";
import type { Plan, Work } from "./plan.js";
import type { MeasuredSeries } from "./scaling/tracer.js";

export interface Progress extends Observer {
  stop(): void;
}

/** A bar where a person watches, one plain line for each piece of work elsewhere. */
export function createProgress(
  { cells, curves, networks, series }: Plan,
  processes: number,
  finished: number,
  stream: NodeJS.WriteStream,
): Progress {
  const others = [...curves, ...networks, ...series];
  const total = cells.length * processes + others.length;
  if (!stream.isTTY) return new Lines(finished, total, stream);
  const sum = (work: readonly Work[]) => work.reduce((weight, one) => weight + weightOf(one), 0);
  const weight = sum(cells) * processes + sum(others);
  return new Bar(finished, total, weight * (1 - finished / total), stream);
}

function labelOf(work: Work): string {
  if ("depth" in work) return `${work.backend} ${work.dtype} depth ${work.depth}`;
  if ("threads" in work) {
    const threads = `${work.threads} ${work.threads === 1 ? "thread" : "threads"}`;
    return [work.backend, work.method, work.dtype, threads].join(" ");
  }
  const on = "sweep" in work ? work.sweep.id : work.workload.id;
  return [work.backend, work.method, work.dtype, on].join(" ");
}

type Outcome = Measurement | Curve | NetworkRecord | MeasuredSeries;

function outcomeOf(outcome: Outcome): string {
  if (outcome.status !== "ok") return `${outcome.status}: ${outcome.reason}`;
  if ("layers" in outcome) {
    const { distance, reordering } = outcome.whole ?? {};
    return `distance ${formatError(distance?.relL2.median ?? Number.NaN)}, reordering ${formatError(reordering?.relL2.median ?? Number.NaN)}`;
  }
  if ("threads" in outcome) {
    const timed = outcome.points.filter(({ medianNs }) => medianNs !== undefined);
    return `${timed.length} of ${outcome.points.length} shapes timed`;
  }
  if ("points" in outcome) {
    return `${plural(outcome.points.length, "point")}, max ULP ${formatCount(Math.max(...outcome.points.map(({ maxUlp }) => maxUlp)))}`;
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

  prepare(what: string): void {
    this.#stream.write(`${what}\n`);
  }

  begin(): void {}

  finish(work: Work, outcome: Outcome): void {
    this.#finished++;
    this.#stream.write(`[${this.#finished}/${this.#total}] ${labelOf(work)}: ${outcomeOf(outcome)}\n`);
  }

  stop(): void {}
}

/** What work is expected to cost, in arbitrary units: a fixed part, and a part by its size. */
function weightOf(work: Work): number {
  if ("depth" in work) return work.depth;
  if ("threads" in work) return 1;
  return "sweep" in work ? 1 : 1 + (work.workload.rows * work.workload.classes) / 2e6;
}

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

  prepare(what: string): void {
    this.#bar.update({ cell: what, left: this.#timeLeft(), last: this.#last });
  }

  begin(work: Work): void {
    this.#bar.update({ cell: labelOf(work), left: this.#timeLeft(), last: this.#last });
  }

  finish(work: Work, outcome: Outcome): void {
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

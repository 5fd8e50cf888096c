import { type Curve, type NetworkRecord, plural } from "@softmax-bench/core";
import { formatCount, formatDuration, formatError, printable } from "@softmax-bench/report";
import { median } from "@softmax-bench/stats";
import { Presets, SingleBar } from "cli-progress";
import type { MeasuredSeries } from "../experiments/scaling/tracer.js";
import type { Measurement } from "../journal/entries.js";
import type { Work } from "../plan/plan.js";
import { writeLine } from "../terminal/console.js";
import type { Observer } from "./backend-work.js";

export interface Progress extends Observer {
  /** Prints a line that stays. */
  say(line: string): void;
  stop(): void;
}

/** A bar where a person watches, one plain line for each piece of work elsewhere. */
export const createProgress = (stream: NodeJS.WriteStream): Progress =>
  stream.isTTY ? new Bar(stream) : new Lines(stream);

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
  return `gradient ${time}${accuracy ? `, relative error ${formatError(accuracy.gradient.relL2)}` : ""}`;
}

class Lines implements Progress {
  readonly #stream: NodeJS.WriteStream;
  #total = 0;
  #finished = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  startRound(round: number, work: readonly Work[]): void {
    this.#total = work.length;
    this.#finished = 0;
    if (round > 0) this.#stream.write(`process ${round + 1} of each backend: ${work.length} cells again\n`);
  }

  prepare(what: string): void {
    writeLine(this.#stream, what);
  }

  say(line: string): void {
    writeLine(this.#stream, line);
  }

  begin(): void {}

  finish(work: Work, outcome: Outcome): void {
    this.#finished++;
    writeLine(this.#stream, `[${this.#finished}/${this.#total}] ${labelOf(work)}: ${outcomeOf(outcome)}`);
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
  readonly #stream: NodeJS.WriteStream;
  #begun = performance.now();
  /** Of what the round has to do, see `weightOf`. */
  #weight = 0;
  #finishedWeight = 0;
  #last = "";

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#bar = new SingleBar(
      {
        stream,
        format: "process {round} | {bar} {value}/{total} | {left} left of it | {cell}{last}",
        barsize: 20,
        hideCursor: true,
        clearOnComplete: true,
        gracefulExit: false,
        etaBuffer: 1,
      },
      Presets.shades_classic,
    );
  }

  startRound(round: number, work: readonly Work[]): void {
    this.#begun = performance.now();
    this.#weight = work.reduce((sum, one) => sum + weightOf(one), 0);
    this.#finishedWeight = 0;
    this.#bar.start(work.length, 0, { round: round + 1, cell: "starting", left: "?", last: this.#last });
  }

  prepare(what: string): void {
    this.#bar.update({ cell: what, left: this.#timeLeft(), last: this.#last });
  }

  say(line: string): void {
    // Over the bar, which is drawn again below.
    this.#stream.write("\r\u001b[K");
    writeLine(this.#stream, line);
    this.#bar.render();
  }

  begin(work: Work): void {
    this.#bar.update({ cell: labelOf(work), left: this.#timeLeft(), last: this.#last });
  }

  finish(work: Work, outcome: Outcome): void {
    this.#finishedWeight += weightOf(work);
    this.#last = ` | last: ${printable(outcomeOf(outcome))}`;
    this.#bar.increment(1, { left: this.#timeLeft(), last: this.#last });
  }

  stop(): void {
    this.#bar.stop();
  }

  #timeLeft(): string {
    if (this.#finishedWeight === 0) return "?";
    const perUnit = (performance.now() - this.#begun) / this.#finishedWeight;
    const seconds = Math.round((perUnit * Math.max(0, this.#weight - this.#finishedWeight)) / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

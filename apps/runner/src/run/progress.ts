import { plural } from "@softmax-bench/core";
import { printable } from "@softmax-bench/report";
import { Presets, SingleBar } from "cli-progress";
import type { Observer, WorkItem } from "../experiments/observer.js";
import { eraseLine, type OutputStream, writeLine } from "../terminal/console.js";

export interface Progress extends Observer {
  /** Prints a line that stays. */
  say(line: string): void;
  stop(): void;
}

/** A bar where a person watches, one plain line for each piece of work elsewhere. */
export const createProgress = (stream: OutputStream): Progress =>
  stream.isTTY ? new Bar(stream) : new Lines(stream);

class Lines implements Progress {
  readonly #stream: OutputStream;
  #total = 0;
  #finished = 0;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  startRound(round: number, work: readonly WorkItem[]): void {
    this.#total = work.length;
    this.#finished = 0;
    if (round > 0)
      writeLine(this.#stream, `process ${round + 1} of each backend: ${plural(work.length, "cell")} again`);
  }

  prepare(what: string): void {
    writeLine(this.#stream, what);
  }

  say(line: string): void {
    writeLine(this.#stream, line);
  }

  begin(): void {}

  finish({ label }: WorkItem, outcome: string): void {
    this.#finished++;
    writeLine(this.#stream, `[${this.#finished}/${this.#total}] ${label}: ${outcome}`);
  }

  stop(): void {}
}

class Bar implements Progress {
  readonly #bar: SingleBar;
  readonly #stream: OutputStream;
  #begun = performance.now();
  /** Amount of the round's work. */
  #weight = 0;
  #finishedWeight = 0;
  #last = "";

  constructor(stream: OutputStream) {
    this.#stream = stream;
    this.#bar = new SingleBar(
      {
        // The bar draws itself, from labels that are printable.
        stream: stream as NodeJS.WriteStream,
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

  startRound(round: number, work: readonly WorkItem[]): void {
    this.#begun = performance.now();
    this.#weight = work.reduce((sum, { weight }) => sum + weight, 0);
    this.#finishedWeight = 0;
    this.#bar.start(work.length, 0, { round: round + 1, cell: "starting", left: "?", last: this.#last });
  }

  prepare(what: string): void {
    this.#bar.update({ cell: what, left: this.#timeLeft(), last: this.#last });
  }

  say(line: string): void {
    // Over the bar, which is drawn again below.
    if (this.#bar.isActive) eraseLine(this.#stream);
    writeLine(this.#stream, line);
    if (this.#bar.isActive) this.#bar.render();
  }

  begin({ label }: WorkItem): void {
    this.#bar.update({ cell: printable(label), left: this.#timeLeft(), last: this.#last });
  }

  finish({ weight }: WorkItem, outcome: string): void {
    this.#finishedWeight += weight;
    this.#last = ` | the one before: ${printable(outcome)}`;
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

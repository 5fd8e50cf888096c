import { shorten } from "@softmax-bench/core";
import { printable } from "@softmax-bench/report";

/** Where a command writes, and what can stop it. */
export interface Console {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
}

/** A person watches, and wants colour. */
export const wantsColor = (stream: NodeJS.WriteStream): boolean =>
  Boolean(stream.isTTY) && !process.env.NO_COLOR;

/** Longest line that is written, in UTF-16 units: the message of a system call may quote all of a path. */
const LONGEST = 4000;

/** Writes one line, in which text from files and of other programs can do nothing to the terminal. */
export const writeLine = (stream: NodeJS.WritableStream, text: string): void => {
  stream.write(`${shorten(printable(text), LONGEST)}\n`);
};

import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { shorten } from "@softmax-bench/core";
import type { TerminalOptions } from "@softmax-bench/report";
import { printable } from "@softmax-bench/report/untrusted";
import wrapAnsi from "wrap-ansi";

/**
 * A stream to a person or a program. It has no `write`: text reaches it through the functions below. They remove
 * everything in text from files and other programs that could affect a terminal.
 */
export type OutputStream = Pick<NodeJS.WriteStream, "isTTY" | "columns">;

/** The outputs of a command, and its stop signal. */
export interface Console {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** The source of answers; absent where nobody is asked. */
  readonly stdin?: NodeJS.ReadStream | undefined;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
}

/** Colour and width for a person who is watching; neither for a file or a pipe. */
export const terminalOptions = (stream: OutputStream): TerminalOptions => ({
  color: Boolean(stream.isTTY) && !process.env.NO_COLOR,
  // A terminal without a size has 0 columns.
  width: (stream.isTTY && stream.columns) || undefined,
});

/** Length of the longest line, in UTF-16 units: the message of a system call may quote a whole path. */
const LONGEST = 4000;

/** Writes one line, which a terminal shows broken between words, with its indentation. */
export function writeLine(stream: OutputStream, text: string): void {
  const line = shorten(printable(text), LONGEST);
  const { width } = terminalOptions(stream);
  const [indentation = ""] = /^ */.exec(line) ?? [];
  const lines = width
    ? wrapAnsi(line.trimStart(), width - indentation.length).split("\n")
    : [line.trimStart()];
  write(stream, lines.map((part) => `${indentation}${part}\n`).join(""));
}

/** Colours, which our own tables contain, and line ends. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: every colour begins with one.
const KEPT = /(\u001b\[[\d;]*m|\n)/;

/** Writes lines that are already laid out, with their colours. */
export const writeBlock = (stream: OutputStream, text: string): void =>
  write(
    stream,
    `${text
      .split(KEPT)
      .map((part, index) => (index % 2 === 0 ? printable(part) : part))
      .join("")}\n`,
  );

/** Control characters that JSON does not escape. */
const RAW_IN_JSON = /[\u007f-\u009f\u2028\u2029]/g;

/** Writes JSON with every control character escaped; its parsed value is the same. */
export const writeJson = (stream: OutputStream, json: string): void =>
  write(
    stream,
    json.replaceAll(
      RAW_IN_JSON,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    ),
  );

/** Erases the line of the cursor, such as a progress bar, and returns to its beginning. */
export const eraseLine = (stream: OutputStream): void => write(stream, "\r\u001b[K");

/**
 * Asks a person a question.
 * @param lines the last one is the question
 * @returns the answer; undefined if nobody is at a terminal, or the input ends, or the signal aborts
 */
export async function ask(
  { stdin, stderr, signal }: Console,
  lines: readonly string[],
): Promise<string | undefined> {
  if (!stdin?.isTTY || !stderr.isTTY || process.env.CI) return undefined;
  const [question = "", ...before] = lines.toReversed();
  for (const line of before.toReversed()) writeLine(stderr, line);
  // The terminal edits the line: Ctrl-C stays a signal.
  const reader = createInterface({ input: stdin, output: stderr as NodeJS.WriteStream, terminal: false });
  try {
    return await Promise.race([
      reader.question(printable(question), { signal }),
      once(reader, "close").then(() => undefined),
    ]);
  } catch (error) {
    if (!signal.aborted) throw error;
    return undefined;
  } finally {
    reader.close();
  }
}

const write = (stream: OutputStream, text: string): void => {
  (stream as NodeJS.WriteStream).write(text);
};

import { shorten } from "@softmax-bench/core";

/** Longest line that is printed, in UTF-16 units; the longest honest sentence has about 400. */
const LONGEST = 600;

/**
 * A text from a file, which may come from anywhere, as one harmless line: control characters (and with them terminal
 * escapes and line breaks) become spaces, invisible direction marks and halves of characters go.
 */
export const printable = (text: string): string =>
  text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ").replaceAll(/[\p{Cf}\p{Cs}]/gu, "");

/** The same of a length that fits a report. */
export const oneLine = (text: string): string => shorten(printable(text).trim(), LONGEST);

/** A word as a POSIX shell reads it, since readers paste commands: anything but plain characters is quoted. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

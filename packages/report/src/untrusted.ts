import { shorten } from "@softmax-bench/core";

/** Longest printed line, in UTF-16 units; the longest legitimate sentence has about 400. */
const LONGEST = 600;

/**
 * Makes a text from an untrusted file one harmless line: control characters (including terminal escapes and line
 * breaks) become spaces; invisible direction marks and halves of characters are removed.
 */
export const printable = (text: string): string =>
  text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ").replaceAll(/[\p{Cf}\p{Cs}]/gu, "");

/** The same, shortened to fit a report. */
export const oneLine = (text: string): string => shorten(printable(text).trim(), LONGEST);

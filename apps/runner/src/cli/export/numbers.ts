import { UsageError } from "../../terminal/errors.js";

/** A flag as it is given: `--weight-decay` for `weightDecay`. */
export const toFlag = (name: string): string =>
  `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** @throws UsageError if the value of a flag is not a finite number */
export function parseNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || !Number.isFinite(Number(text))) {
    throw new UsageError(`${flag} takes a number, got ${JSON.stringify(text)}`);
  }
  return Number(text);
}

import { distance } from "fastest-levenshtein";
import { UsageError } from "../terminal/errors.js";

export const shortenValue = (value: string): string => (value.length > 60 ? `${value.slice(0, 59)}…` : value);

/** Names the valid values that may be meant, closest first; all of them if none is similar. */
export function unknownValue(kind: string, value: string, known: readonly string[], also = ""): UsageError {
  const shown = shortenValue(value);
  const isLike = (id: string) => distance(shown, id) <= Math.max(shown.length, id.length) / 2;
  const closest = known
    .filter(isLike)
    .sort((a, b) => distance(shown, a) - distance(shown, b))
    .slice(0, 3);
  const valid = closest.length ? `closest are ${closest.join(", ")}` : `there are ${known.join(", ")}`;
  return new UsageError(`unknown ${kind} ${JSON.stringify(shown)}: ${valid}${also}`);
}

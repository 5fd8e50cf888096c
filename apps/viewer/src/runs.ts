import { namePlaces, type Results } from "@softmax-bench/core";
import { decodeResults, parseResults, ResultsError } from "@softmax-bench/core/results";
import { oneLine } from "@softmax-bench/report/model";

/** A results file, or the reason why it is invalid. */
export type Loaded =
  | { readonly name: string; readonly results: Results; readonly problem?: undefined }
  | { readonly name: string; readonly problem: string };

/** The data that the page was made with: `[{ name, results }]`. */
export function readEmbedded(json: string | null): Loaded[] {
  let value: unknown;
  try {
    value = JSON.parse(json ?? "");
  } catch {
    return [{ name: "this page", problem: "its data are damaged: not JSON" }];
  }
  if (!Array.isArray(value)) return [{ name: "this page", problem: "its data are damaged: not a list" }];
  return value.map((entry: { name?: unknown; results?: unknown } | null, index) =>
    loaded(typeof entry?.name === "string" ? entry.name : `run ${index + 1}`, () =>
      decodeResults(entry?.results),
    ),
  );
}

/** A file that a reader chose. */
export const readText = (name: string, text: string): Loaded => loaded(name, () => parseResults(text));

function loaded(name: string, read: () => Results): Loaded {
  try {
    return { name: oneLine(name), results: namePlaces(read()) };
  } catch (error) {
    if (!(error instanceof ResultsError)) throw error;
    return {
      name: oneLine(name),
      problem: `this is not a results file of softmax-bench: ${oneLine(error.message)}`,
    };
  }
}

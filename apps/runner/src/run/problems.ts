import { type BackendRecord, listExperiments, placeName, plural, type Results } from "@softmax-bench/core";
import { type OutputStream, writeLine } from "../terminal/console.js";

/** Returns whether no backend could be used. If so, prints the reason for each. */
export function noneAvailable(backends: readonly BackendRecord[], stderr: OutputStream): boolean {
  if (backends.some(({ status }) => status === "available")) return false;
  const why = backends.map(({ id, host, reason, remedy }) =>
    [`${placeName({ backend: id, host })}: ${reason}`, ...(remedy ? [`(${remedy})`] : [])].join(" "),
  );
  for (const line of ["no backend is available", ...why]) writeLine(stderr, line);
  return true;
}

/** Returns whether a result failed, crashed or timed out. If so, prints how many. */
export function anyBroken(results: Results, stderr: OutputStream): boolean {
  const all = [...results.cells, ...listExperiments(results).flatMap(({ records }) => records)];
  const broken = all.filter(({ status }) => ["failed", "crashed", "timeout"].includes(status));
  if (broken.length === 0) return false;
  writeLine(
    stderr,
    `${broken.length} of ${plural(all.length, "result")} failed, crashed or timed out; the first: ${broken[0]?.reason}`,
  );
  return true;
}

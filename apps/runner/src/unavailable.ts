import type { BackendRecord } from "@softmax-bench/core";

/** Whether not one backend could be used; says why of each, if so. */
export function noneAvailable(backends: readonly BackendRecord[], stderr: NodeJS.WriteStream): boolean {
  if (backends.some(({ status }) => status === "available")) return false;
  const why = backends.map(({ id, reason, remedy }) => `${id}: ${reason}${remedy ? ` (${remedy})` : ""}`);
  stderr.write(`no backend is available\n${why.join("\n")}\n`);
  return true;
}

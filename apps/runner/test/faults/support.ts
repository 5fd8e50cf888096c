import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { GRAPH_METHODS } from "@softmax-bench/core";

const FAULT = fileURLToPath(new URL("./fault.mjs", import.meta.url));

/** Cells of milliseconds each, on the backend that starts fastest. */
export const TINY_CELLS = [
  ...["--profile", "smoke", "--backend", "jax-js", "--dtype", "float32", "--workload", "2x2"],
  ...["--threads", "1", "--no-provision"],
];

/** All of its methods: ten such cells. */
export const TINY = [...TINY_CELLS, "--method", GRAPH_METHODS.map(({ id }) => id).join()];

/** The environment of a run in which something goes wrong: see `fault.mjs`. */
export const withFault = (fault: string, { method = "manual/naive", flags = "" } = {}) => ({
  NODE_OPTIONS: `--import file://${FAULT} ${flags}`,
  FAULT: fault,
  FAULT_METHOD: method,
});

/** A run of `TINY` that goes no further than its fourth cell, until something ends its worker or its time. */
export const HANGS_IN_FOURTH = { after: "[3/10]", env: withFault("hang", { method: "manual/log-softmax" }) };

/** Whole lines of planned results in a journal, without those of twins. */
export const cellLines = (journal: string): string[] =>
  readFileSync(journal, "utf8")
    .split("\n")
    .slice(0, -1)
    .filter((line) => line.startsWith('{"type":"cell"') && !line.includes('"twin":true'));

/** True if a process exists and is not a zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

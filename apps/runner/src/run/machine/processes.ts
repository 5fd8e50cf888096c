import { readdirSync, readFileSync } from "node:fs";

/** A process and its processor time, in ticks: hundredths of a second, on every Linux. */
export interface ProcessTime {
  readonly pid: number;
  readonly parent: number;
  /** Time of its start, which tells it from an earlier process of the same id. */
  readonly start: number;
  readonly ticks: number;
  /** That of its children that have ended, and that it has waited for. */
  readonly ofChildren: number;
}

export const TICK_NS = 1e7;

/** All processes; none without /proc. */
export function listProcesses(): ProcessTime[] {
  try {
    return readdirSync("/proc").flatMap((name) => readProcess(Number(name)) ?? []);
  } catch {
    return [];
  }
}

/** Fields of /proc/pid/stat (proc(5)): ppid, utime, stime, cutime, cstime, starttime; undefined if there is no such process. */
export function readProcess(pid: number): ProcessTime | undefined {
  if (!Number.isInteger(pid)) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const at = (index: number) => Number(fields[index] ?? 0);
    return { pid, parent: at(1), start: at(19), ticks: at(11) + at(12), ofChildren: at(13) + at(14) };
  } catch {
    return undefined;
  }
}

import { readdirSync, readFileSync } from "node:fs";

/**
 * V8 optimises code on threads of its own while the unoptimised code runs on. On a busy machine that takes seconds, in
 * which times are flat, and then they fall at once: samples alone cannot know. What those threads compute can be read
 * from Linux.
 */

const TASKS = "/proc/self/task";

/** Threads that exist before a runtime is loaded are V8's, besides the main one and a few that sleep. */
const threads = listThreads();

function listThreads(): string[] {
  try {
    return readdirSync(TASKS).filter((id) => id !== String(process.pid));
  } catch {
    return [];
  }
}

/**
 * Nanoseconds that V8's own threads have computed; undefined where the kernel does not say, and in Bun, whose engine
 * makes such threads when it needs them.
 */
export function backgroundNs(): number | undefined {
  if (process.versions.bun) return undefined;
  try {
    return threads.reduce((sum, id) => sum + Number(firstWord(`${TASKS}/${id}/schedstat`)), 0);
  } catch {
    return undefined;
  }
}

const firstWord = (file: string): string => readFileSync(file, "utf8").split(" ", 1)[0] ?? "";

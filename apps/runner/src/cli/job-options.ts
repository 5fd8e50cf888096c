import { checkOptions, resolveSettings } from "../plan/options.js";
import type { JobOptions } from "../session/jobs.js";
import { type Console, writeLine } from "../terminal/console.js";
import { integer, type SelectionFlags } from "./command.js";

/** Returns the job options that the flags set. @throws UsageError if `--threads` is out of range. */
export function toJobOptions(
  { threads, provision }: SelectionFlags,
  { stderr, signal }: Console,
): Omit<JobOptions, "hosts"> {
  const given = integer("--threads", threads);
  const { threads: used } = resolveSettings(
    checkOptions(given === undefined ? {} : { threads: given }, "flags"),
    {},
  );
  const say = (line: string) => writeLine(stderr, line);
  return { threads: used, signal, provision: provision ? say : undefined };
}

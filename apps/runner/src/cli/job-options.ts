import { checkOptions, resolveSettings } from "../plan/options.js";
import type { JobOptions } from "../session/jobs.js";
import { type Console, writeLine } from "../terminal/console.js";
import { integer, type SelectionFlags, toConsent } from "./command.js";

/** Returns the job options that the flags set. @throws UsageError if `--threads` is out of range. */
export function toJobOptions(flags: SelectionFlags, console: Console): Omit<JobOptions, "hosts"> {
  const { stderr, signal } = console;
  const given = integer("--threads", flags.threads);
  const { threads: used } = resolveSettings(
    checkOptions(given === undefined ? {} : { threads: given }, "flags"),
    {},
  );
  const say = (line: string) => writeLine(stderr, line);
  return { threads: used, signal, consent: toConsent(flags, console), say };
}

import { parseHost } from "../plan/host-requests.js";
import { loadRegistry } from "../plan/load-backends.js";
import { checkOptions, resolveSettings } from "../plan/options.js";
import { type Selection, selectOnHosts } from "../plan/selection.js";
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

/**
 * The places and methods that the flags choose, in some dtypes; no workloads.
 * @throws UsageError naming the closest valid value, for the first unknown one.
 */
export const selectForJobs = async (
  { backend: backends, host, method: methods }: SelectionFlags & { readonly host?: string[] },
  dtypes: readonly string[] | undefined,
): Promise<Selection> =>
  selectOnHosts(
    { backends, hosts: host?.map(parseHost), methods, dtypes, workloads: [] },
    await loadRegistry(),
  );

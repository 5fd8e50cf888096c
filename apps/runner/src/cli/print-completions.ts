import completion from "@bomb.sh/tab";
import { DTYPE_IDS, METHODS, SWEEPS, WORKLOADS } from "@softmax-bench/core";
import { BACKENDS } from "../plan/backends.js";
import { PROFILES } from "../plan/profiles.js";
import { EXIT } from "../terminal/errors.js";
import { COMMAND_IDS, DEFINITIONS, FIRST_WORDS, findCommand } from "./commands/index.js";
import { SUMMARIES } from "./help.js";

const idsOf = (known: readonly { readonly id: string }[]): readonly string[] => known.map(({ id }) => id);

/** Values of options that are known beforehand. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  backend: ["all", ...Object.keys(BACKENDS)],
  dtype: DTYPE_IDS,
  host: ["node", "bun", "deno", "chromium", "firefox"],
  method: idsOf(METHODS),
  profile: Object.keys(PROFILES),
  sweep: idsOf(SWEEPS),
  workload: idsOf(WORKLOADS),
};

/**
 * Prints completions, as the script of a shell requests them.
 *
 * @param words those of the line after the program's name
 * @returns the exit code
 */
export async function printCompletions(words: readonly string[]): Promise<number> {
  for (const id of [...FIRST_WORDS, ...COMMAND_IDS]) completion.command(id, SUMMARIES[id] ?? "");
  const typed = findCommand(words);
  if (typed) {
    const command = completion.command(typed.name, SUMMARIES[typed.id] ?? "");
    const definition = (await DEFINITIONS[typed.id]()).command();
    for (const { long, description, required, optional } of definition.options) {
      const name = long?.replace(/^--/, "") ?? "";
      const values = VALUES[name] ?? [];
      if (!required && !optional) command.option(name, description);
      else command.option(name, description, (add) => void values.forEach((value) => void add(value, "")));
    }
  }
  completion.parse([...words]);
  return EXIT.ok;
}

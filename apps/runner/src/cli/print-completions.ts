import completion from "@bomb.sh/tab";
import { DTYPE_IDS, METHODS, SWEEPS, WORKLOADS } from "@softmax-bench/core";
import type { Command } from "commander";
import { BACKENDS } from "../plan/backends.js";
import { PROFILES } from "../plan/profiles.js";
import { COMMAND_IDS, type CommandId, isCommand } from "./commands/index.js";
import { SUMMARIES } from "./help.js";

/** The options of a command: a module of its name exports them. */
const loadDefinition = async (id: CommandId): Promise<Command> =>
  (await import(`./commands/${id}.js`)).command();

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

/** Prints completions, as the script of a shell asks for them. @param words those of the line after the program's name */
export async function printCompletions(words: readonly string[]): Promise<void> {
  const [named] = words;
  for (const id of COMMAND_IDS) {
    const command = completion.command(id, SUMMARIES[id]);
    if (id !== named || !isCommand(named)) continue;
    for (const { long, description, required, optional } of (await loadDefinition(named)).options) {
      const name = long?.replace(/^--/, "") ?? "";
      const values = VALUES[name] ?? [];
      if (!required && !optional) command.option(name, description);
      else command.option(name, description, (add) => void values.forEach((value) => void add(value, "")));
    }
  }
  completion.parse([...words]);
}

import { PROGRAM } from "@softmax-bench/core";
import { Command } from "commander";
import { COMMAND_IDS, type CommandId, FIRST_WORDS } from "./commands/index.js";

/** A line for each command, and for words that are only the beginning of commands. */
export const SUMMARIES: Readonly<Record<string, string>> = {
  bench: "measures error and time of every gradient on every backend",
  report: "prints a run's answers and rebuilds its pages; also merge, history",
  "report merge": "joins the shards of a matrix",
  "report history": "makes a page per branch: times and errors over its runs",
  compare: "compares two results, and advises",
  gate: "fails if gradients got slower or less exact than a baseline's commit",
  comment: "puts a gate's outcome on the pull request, in a GitHub workflow",
  "gate validate": "proves that the gate finds what it should, and nothing else",
  study: "errors and times in depth: precision, depth, scaling, limit",
  "study precision": "draws errors along sweeps: which formulation can be trusted, and when",
  "study depth": "compares gradients of networks of growing depth, by hand and automatic",
  "study scaling": "fits times over rows, classes and threads",
  "study limit": "compares a run with C on this processor",
  check: "checks every gradient against central differences and the oracle",
  try: "runs your own logits through every backend; names the best gradient",
  judge: "judges a gradient that another program computed",
  export: "writes a model's training graph as ONNX",
  doctor: "says which backends work here; --fix fetches what the others lack",
  provision: "fetches or builds native parts that no npm package carries",
  bundle: "makes one archive that works where nothing can be installed",
  completion: "prints the script with which a shell completes command lines",
} satisfies Readonly<Record<CommandId | "study", string>>;

/** The help of the program as a whole. */
export function topLevelHelp(): string {
  const program = new Command(PROGRAM)
    .usage("<command> [options]")
    .description("Errors and times of gradients of softmax cross-entropy, on every JavaScript ML backend.")
    .helpOption("-h, --help", "print this, or the options of a command")
    .option("-V, --version", "print the version")
    .helpCommand(false);
  for (const word of FIRST_WORDS) program.command(word).description(SUMMARIES[word] ?? "");
  return program.helpInformation();
}

/** The help of a word that is only the beginning of commands. */
export function groupHelp(word: string): string {
  const program = new Command(`${PROGRAM} ${word}`)
    .usage("<command> [options]")
    .description(SUMMARIES[word] ?? "")
    .helpOption("-h, --help", "print this, or the options of a command")
    .helpCommand(false);
  for (const id of commandsOf(word)) {
    program.command(id.slice(word.length + 1)).description(SUMMARIES[id] ?? "");
  }
  return program.helpInformation();
}

/** The commands that begin with a word and have a second one. */
export const commandsOf = (word: string): readonly string[] =>
  COMMAND_IDS.filter((id) => id.startsWith(`${word} `));

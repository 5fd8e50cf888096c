import { PROGRAM } from "@softmax-bench/core";
import { Command } from "commander";
import { COMMAND_IDS, type CommandId } from "./commands/index.js";

/** A line for each command, in the order of the list. */
export const SUMMARIES: Readonly<Record<CommandId, string>> = {
  bench: "measures error and time of every gradient on every backend",
  report: "rebuilds a run's reports, or makes one page of several runs; --serve measures visitors",
  merge: "joins the shards of a matrix",
  compare: "compares two results, and advises",
  history: "makes a page per branch: times and errors over its runs",
  gate: "fails if gradients got slower or less exact than a baseline's commit",
  comment: "puts a gate's outcome on the pull request, in a GitHub workflow",
  "validate-gate": "proves that the gate finds what it should, and nothing else",
  precision: "draws errors along sweeps: which formulation can be trusted, and when",
  depth: "compares gradients of networks of growing depth, by hand and automatic",
  scaling: "fits times over rows, classes and threads",
  limit: "compares a run with C on this processor",
  gradcheck: "checks every gradient against central differences and the oracle",
  gradient: "runs your own logits through every backend and method",
  judge: "judges a gradient that another program computed",
  export: "writes a model's training graph as ONNX",
  doctor: "says which backends work here, and what would make the others work",
  provision: "fetches or builds native parts that no npm package carries",
  bundle: "makes one archive that works where nothing can be installed",
  completion: "prints the script with which a shell completes command lines",
};

/** The help of the program as a whole. */
export function topLevelHelp(): string {
  const program = new Command(PROGRAM)
    .usage("<command> [options]")
    .description("Errors and times of gradients of softmax cross-entropy, on every JavaScript ML backend.")
    .helpOption("-h, --help", "print this, or the options of a command")
    .option("-V, --version", "print the version")
    .helpCommand(false);
  for (const id of COMMAND_IDS) program.command(id).description(SUMMARIES[id]);
  return program.helpInformation();
}

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import completions from "@bomb.sh/tab";
import { IN_CLONE, PROGRAM } from "@softmax-bench/core";
import { Argument } from "commander";
import { EXIT, UsageError } from "../../terminal/errors.js";
import { newCommand } from "../command.js";

export const command = () =>
  newCommand("completion")
    .description("Prints the script with which a shell completes command lines of softmax-bench.")
    .addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]))
    .addHelpText(
      "after",
      "\nThe script calls softmax-bench, which has to be on PATH: npm install --global softmax-bench.\nFor example, in ~/.bashrc, with the package bash-completion: source <(softmax-bench completion bash)\n\nExit codes: 0 done; 2 wrong usage.",
    );

/** Prints the script of a shell, which calls `softmax-bench complete` for each completion. */
export async function completion(argv: readonly string[]): Promise<number> {
  const [shell = ""] = command().parse(argv, { from: "user" }).args;
  if (!isOnPath()) {
    throw new UsageError(
      `shells complete commands on PATH, and ${PROGRAM} is not there${IN_CLONE ? ": pnpm starts that of a clone" : ""}; run npm install --global ${PROGRAM}`,
    );
  }
  completions.setup(PROGRAM, PROGRAM, shell);
  return EXIT.ok;
}

/** True if shells find the program. npm and pnpm add folders to PATH, which shells do not have. */
const isOnPath = (): boolean =>
  (process.env.PATH ?? "")
    .split(delimiter)
    .some((folder) => !folder.endsWith("/node_modules/.bin") && existsSync(join(folder, PROGRAM)));

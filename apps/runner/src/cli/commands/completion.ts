import completions from "@bomb.sh/tab";
import { Argument } from "commander";
import { EXIT } from "../../terminal/errors.js";
import { newCommand } from "../command.js";
import { PROGRAM } from "../program.js";

export const command = () =>
  newCommand("completion")
    .description("Prints the script with which a shell completes command lines of softmax-bench.")
    .addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]))
    .addHelpText(
      "after",
      "\nFor example, in ~/.bashrc, with the package bash-completion: source <(softmax-bench completion bash)\n\nExit codes: 0 done; 2 wrong usage.",
    );

/** Prints the script of a shell, which calls `softmax-bench complete` for each completion. */
export async function completion(argv: readonly string[]): Promise<number> {
  const [shell = ""] = command().parse(argv, { from: "user" }).args;
  completions.setup(PROGRAM, PROGRAM, shell);
  return EXIT.ok;
}

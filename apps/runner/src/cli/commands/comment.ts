import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findPullRequest, comment as post } from "../../gate/pull-request-comment.js";
import { type Console, writeLine } from "../../terminal/console.js";
import { EXIT, UsageError } from "../../terminal/errors.js";
import { newCommand } from "../command.js";

export const command = () =>
  newCommand("comment")
    .description(
      "In a GitHub workflow: makes or updates one comment on the pull request, with the outcome of a gate.\n" +
        "It needs GITHUB_TOKEN, and permissions: pull-requests: write; docs/ci.md says how.",
    )
    .argument("<folder>", "folder that a gate wrote; e.g. bench-results/20260131-120000-gate")
    .addHelpText(
      "after",
      "\nExit codes: 0 done, or the token may not comment, as that of a fork's pull request; 2 wrong usage, or no answer.",
    );

export async function comment(argv: readonly string[], { stderr }: Console): Promise<number> {
  const [folder = ""] = command().parse(argv, { from: "user" }).args;
  const file = join(folder, "comment.md");
  if (!existsSync(file)) {
    throw new UsageError(`expected the folder of a gate, with comment.md, got ${folder}`);
  }
  const pullRequest = findPullRequest(process.env);
  if (!pullRequest) {
    writeLine(stderr, "no comment: this workflow runs for no pull request");
    return EXIT.ok;
  }
  const outcome = await post(pullRequest, readFileSync(file, "utf8"));
  writeLine(
    stderr,
    outcome.status === "forbidden"
      ? "no comment: the token may not write to pull requests; a fork's never may, others need permissions: pull-requests: write"
      : `${outcome.status} ${outcome.url}`,
  );
  return EXIT.ok;
}

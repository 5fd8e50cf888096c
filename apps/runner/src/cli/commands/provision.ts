import { backendIds } from "../../plan/load-backends.js";
import { unknownValue } from "../../plan/unknown-value.js";
import { provisionBackends } from "../../session/provision.js";
import { type Console, writeLine } from "../../terminal/console.js";
import { EXIT } from "../../terminal/errors.js";
import { newCommand } from "../command.js";

export const command = () =>
  newCommand("provision")
    .description(
      "Fetches and builds the native parts that no npm package carries, into the user's cache\n" +
        "(SOFTMAX_BENCH_CACHE sets another folder). Nobody is asked; doctor --fix asks first.",
    )
    .argument("[backends...]", "backend ids; e.g. tfjs-node-gpu (default: all that this machine can use)")
    .addHelpText(
      "after",
      "\nExit codes: 0 everything is in place; 1 something could not be had; 2 wrong usage; 130 stopped.",
    );

/** Installs native parts, and reports the outcome for each backend. */
export async function provision(
  argv: readonly string[],
  { stdout, stderr, signal }: Console,
): Promise<number> {
  const wanted = command().parse(argv, { from: "user" }).args;
  const known = await backendIds();
  const unknown = wanted.find((id) => !known.includes(id));
  if (unknown !== undefined) throw unknownValue("backend", unknown, known);

  const say = (line: string) => writeLine(stderr, line);
  const outcomes = await provisionBackends(wanted.length ? wanted : known, {
    say,
    signal,
    wanted: wanted.length > 0,
  });
  if (signal.aborted) return EXIT.interrupted;
  for (const id of wanted.filter((candidate) => !outcomes.has(candidate))) {
    writeLine(stdout, `${id}: nothing to bring`);
  }
  for (const [id, outcome] of outcomes) {
    writeLine(stdout, outcome.available ? `${id}: in place` : `${id}: ${outcome.reason}; ${outcome.remedy}`);
  }
  return [...outcomes.values()].every(({ available }) => available) ? EXIT.ok : EXIT.failure;
}

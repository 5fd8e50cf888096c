import { plural } from "@softmax-bench/core";
import { renderDoctor, renderHosts } from "@softmax-bench/report";
import { backendIds } from "../../plan/load-backends.js";
import { unknownValue } from "../../plan/unknown-value.js";
import { agreeOnParts } from "../../run/agree-on-parts.js";
import { describeEnvironment } from "../../run/machine/environment.js";
import { Consent } from "../../session/consent.js";
import { LONGEST_TIMEOUT_S, probeBackends } from "../../session/probe-backends.js";
import { probeBrowsers } from "../../session/probe-browsers.js";
import { provisionBackends } from "../../session/provision.js";
import { type Console, terminalOptions, writeBlock, writeJson, writeLine } from "../../terminal/console.js";
import { EXIT, UsageError } from "../../terminal/errors.js";
import { inRange, newCommand, yesOption } from "../command.js";

/**
 * Time limit in seconds. The command ends earlier once every backend has started or failed, usually within a few
 * seconds.
 */
const TIMEOUT_S = 60;

export const command = () =>
  newCommand("doctor")
    .description(
      "Says which backends work here, on what, and what would make the others work; and which browsers there are.\n" +
        "With --fix, first fetches and builds the native parts that no npm package carries, into the user's cache\n" +
        "(SOFTMAX_BENCH_CACHE sets another folder).",
    )
    .argument("[backends...]", "backends to examine; e.g. tfjs-node-gpu (default: all)")
    .option("--fix", "fetch and build what backends lack, once you agree; e.g. --fix tfjs-node-gpu")
    .addOption(yesOption())
    .option("--timeout <seconds>", "to wait for the slowest backend; e.g. --timeout 20", `${TIMEOUT_S}`)
    .option(
      "--json",
      "machine, backends and browsers as JSON on stdout; e.g. --json | jq '.backends[].status'",
    )
    .addHelpText(
      "after",
      "\nExit codes: 0 at least one backend works; 1 none does, or --fix could not provide something; 2 wrong usage; 130 stopped.",
    );

interface Flags {
  readonly fix?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
  readonly timeout: string;
}

/** Starts every backend once and reports the outcome. */
export async function doctor(argv: readonly string[], console: Console): Promise<number> {
  const parsed = command().parse(argv, { from: "user" });
  const { fix, yes, json, timeout } = parsed.opts<Flags>();
  const timeoutS = inRange("--timeout", timeout, LONGEST_TIMEOUT_S);
  if (yes && !fix) throw new UsageError("--yes agrees to what --fix fetches; add --fix");
  const known = await backendIds();
  const unknown = parsed.args.find((id) => !known.includes(id));
  if (unknown !== undefined) throw unknownValue("backend", unknown, known);
  const areWanted = parsed.args.length > 0;
  const ids = areWanted ? parsed.args : known;
  const isFixed = fix ? await provideMissing(ids, areWanted, new Consent(console, yes), console) : true;
  const { stdout, signal } = console;
  if (signal.aborted) return EXIT.interrupted;
  const backends = await probeBackends(ids, timeoutS);
  const hosts = await probeBrowsers();
  const environment = describeEnvironment();
  if (json) {
    writeJson(stdout, `${JSON.stringify({ environment, backends, hosts }, null, 2)}\n`);
  } else {
    const { cpu, cores, os, node, simd } = environment;
    writeBlock(
      stdout,
      `${[cpu, plural(cores, "core"), simd, os, `Node ${node}`].filter(Boolean).join(", ")}\n`,
    );
    const options = terminalOptions(stdout);
    writeBlock(stdout, renderDoctor(backends, environment, options));
    writeBlock(stdout, renderHosts(hosts, options));
  }
  const works = backends.some(({ status, reference }) => status === "available" && (areWanted || !reference));
  return works && isFixed ? EXIT.ok : EXIT.failure;
}

/** Fetches and builds what backends lack. @returns whether they lack nothing any more */
async function provideMissing(
  ids: readonly string[],
  areWanted: boolean,
  consent: Consent,
  { stderr, signal }: Console,
): Promise<boolean> {
  const say = (line: string) => writeLine(stderr, line);
  await agreeOnParts(consent, { backends: ids, areWanted }, signal);
  const { confirm } = consent;
  const outcomes = await provisionBackends(ids, { say, signal, wanted: areWanted, confirm });
  for (const [id, outcome] of outcomes) {
    if (!outcome.available) say(`${id}: ${outcome.reason}; ${outcome.remedy}`);
  }
  return [...outcomes.values()].every(({ available }) => available);
}

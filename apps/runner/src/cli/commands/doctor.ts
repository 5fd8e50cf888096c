import { plural } from "@softmax-bench/core";
import { renderDoctor, renderHosts } from "@softmax-bench/report";
import { describeEnvironment } from "../../run/machine/environment.js";
import { LONGEST_TIMEOUT_S, probeBackends } from "../../session/probe-backends.js";
import { probeBrowsers } from "../../session/probe-browsers.js";
import { type Console, terminalOptions, writeBlock, writeJson } from "../../terminal/console.js";
import { EXIT } from "../../terminal/errors.js";
import { inRange, newCommand } from "../command.js";

/**
 * Time limit in seconds. The command ends earlier once every backend has started or failed, usually within a few
 * seconds.
 */
const TIMEOUT_S = 60;

export const command = () =>
  newCommand("doctor")
    .description(
      "Says which backends work here, on what, and what would make the others work; and which browsers there are.",
    )
    .option("--timeout <seconds>", "to wait for the slowest backend; e.g. --timeout 20", `${TIMEOUT_S}`)
    .option(
      "--json",
      "machine, backends and browsers as JSON on stdout; e.g. --json | jq '.backends[].status'",
    )
    .addHelpText("after", "\nExit codes: 0 at least one backend works; 1 none does; 2 wrong usage.");

/** Starts every backend once and reports the outcome. */
export async function doctor(argv: readonly string[], { stdout }: Console): Promise<number> {
  const { json, timeout } = command()
    .parse(argv, { from: "user" })
    .opts<{ json?: boolean; timeout: string }>();
  const backends = await probeBackends(inRange("--timeout", timeout, LONGEST_TIMEOUT_S));
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
  return backends.some(({ status, reference }) => status === "available" && !reference)
    ? EXIT.ok
    : EXIT.failure;
}

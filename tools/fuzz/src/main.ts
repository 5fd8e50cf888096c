import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Argument, Command, InvalidArgumentError } from "commander";
import { type CampaignResult, campaign, type Finding } from "./campaign.js";
import { type CommandFinding, runCommands } from "./command-line.js";
import { FORMATS } from "./targets/index.js";
import { CORPUS, ROOT, readCorpus } from "./targets/target.js";

interface Flags {
  readonly minutes: number;
  readonly inputs?: number;
  readonly commands?: number;
  readonly seed: number;
  readonly findings: string;
  readonly keep?: boolean;
}

/** Bytes that are kept of each format. */
const LARGEST_CORPUS = 60_000;

/** @throws InvalidArgumentError if the text is not a whole number from 1. */
function count(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It takes a whole number from 1.");
}

const program = new Command("fuzz")
  .description(
    "Reads mutated files with every reader of files from outside, and fails if one does anything but read or refuse them.",
  )
  .addArgument(new Argument("[formats...]", "all by default").choices(FORMATS))
  .option("--minutes <n>", "how long, over all formats, guided by coverage", count, 5)
  .option(
    "--inputs <n>",
    "instead: how many mutations of each format, in a process that may only read",
    count,
  )
  .option("--commands <n>", "instead: how many runs of the command line, each with a mutated file", count)
  .option("--seed <n>", "other inputs for each", count, 1)
  .option(
    "--findings <dir>",
    "where inputs that lead to a fault are written",
    join(ROOT, "tools/fuzz/reports"),
  )
  .option("--keep", "add the smallest inputs that lead to new code to the corpus")
  .parse();

const { minutes, inputs, commands, seed, findings, keep } = program.opts<Flags>();
const formats = program.args.length > 0 ? program.args : FORMATS;

if (commands !== undefined) reportCommands(await runCommands(commands, seed));
else for (const format of formats) await runCampaign(format);

async function runCampaign(target: string): Promise<void> {
  const extent = inputs === undefined ? { ms: (minutes * 60_000) / formats.length } : { inputs };
  const result = await campaign({ target, seed, extent });
  report(target, result);
  if (keep) keepSmallest(target, result.interesting);
}

/** Adds the smallest inputs to the corpus, within its limit. */
function keepSmallest(target: string, interesting: readonly Uint8Array[]): void {
  let room = LARGEST_CORPUS - readCorpus(target).reduce((sum, { length }) => sum + length, 0);
  for (const input of interesting.toSorted((a, b) => a.length - b.length)) {
    room -= input.length;
    if (room >= 0) write(join(CORPUS, target), hashInput(input), input);
  }
}

function reportCommands(found: readonly CommandFinding[]): void {
  console.log(`${commands} commands, ${found.length} faults`);
  for (const { kind, detail, argv, input } of found) {
    process.exitCode = 1;
    console.log(`  ${argv.join(" ")}: ${kind}: ${JSON.stringify(detail)}`);
    console.log(`    ${write(findings, `command-${hashInput(input)}`, input)}`);
  }
}

function report(target: string, result: CampaignResult): void {
  const { seeds, mutations, read, findings: found, interesting, slowestMs } = result;
  const guided = inputs === undefined ? `, ${interesting.length} led to new code` : "";
  console.log(
    `${target}: ${seeds} seeds and ${mutations} mutations, ${read} of them read${guided}, the slowest in ${(slowestMs / 1000).toFixed(1)} s, ${found.length} faults`,
  );
  for (const finding of found) {
    process.exitCode = 1;
    console.log(
      `  ${describe(finding)}\n    ${write(findings, `${target}-${hashInput(finding.input)}`, finding.input)}`,
    );
  }
}

function describe({ kind, count, index, detail }: Finding): string {
  return `${kind}, ${count} times, the smallest is input ${index}: ${JSON.stringify(detail.slice(0, 1500))}`;
}

function hashInput(input: Uint8Array): string {
  return createHash("sha256").update(input).digest("hex").slice(0, 12);
}

function write(folder: string, name: string, input: Uint8Array): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, input);
  return file;
}

/**
 * The long form of `kills.test.ts`: strikes parents and workers at random moments, prints what it found, and exits with 1
 * if a finished cell, a process or a file was lost or left: `pnpm kills --count 500`.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { KILL_HOSTS, killCampaign, sum } from "./kill-campaign.js";

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError("expected a whole number");
  return value;
}

const { count, seed, host } = new Command("kills")
  .option("--count <number>", "processes that are killed or stopped", wholeNumber, 500)
  .option("--seed <number>", "of their kinds and moments", wholeNumber, 8)
  .addOption(new Option("--host <host>", "where workers run").choices(KILL_HOSTS).default("node"))
  .parse()
  .opts<{ count: number; seed: number; host: (typeof KILL_HOSTS)[number] }>();

const begun = performance.now();
const outcome = await killCampaign({ count, seed, host, say: (line) => process.stderr.write(`${line}\n`) });
const { blows, moments, counts, lostCells, orphans, filesLeft, wrongRuns } = outcome;

const table = (entries: ReadonlyMap<string, number>): string =>
  [...entries]
    .toSorted(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))
    .map(([name, number]) => `  ${name}: ${number}`)
    .join("\n");
const faults = { lostCells, orphans, filesLeft, wrongRuns };
process.stdout.write(`${sum(blows)} blows from seed ${seed} in ${Math.round((performance.now() - begun) / 1000)} s
${table(blows)}
blows to the parent, by what they found
${table(moments)}
${counts.processes} processes, ${counts.runs} finished runs, ${counts.crashedCells} crashed cells
${lostCells.length} finished cells lost
${orphans.length} processes left
${filesLeft.length} files left
${wrongRuns.length} runs that went wrong
`);
for (const [kind, found] of Object.entries(faults)) {
  for (const one of found) process.stdout.write(`${kind}: ${one}\n`);
}
process.exitCode = Object.values(faults).every((found) => found.length === 0) ? 0 : 1;

import { plural } from "@softmax-bench/core";
import type { Images } from "@softmax-bench/networks";
import { describedImages, type ImageOptions } from "../experiments/networks/images.js";
import { imagesNeeded } from "../experiments/networks/network-inputs.js";
import { type DepthSettings, type Header, isTwin, resultKey } from "../results/journal/entries.js";
import { Journal, type Recovered } from "../results/journal/journal.js";
import { type Console, writeLine } from "../terminal/console.js";
import { UsageError } from "../terminal/errors.js";
import { imageOptions } from "./agree-on-parts.js";
import { checkPublishable, planOfRun } from "./plan-run.js";
import { findRunFolder, type RunFolder } from "./publish.js";
import { type Output, type Run, resumeCommand, runAndPublish } from "./run-and-publish.js";

/** Continues an interrupted run: measures only what its journal lacks. */
export async function resumeRun(
  command: NonNullable<Header["command"]>,
  { out, id }: { readonly out: string; readonly id: string },
  console: Console,
  output: Output,
): Promise<number> {
  const folder = findRunFolder(out, id);
  const recovered = Journal.recover(folder.journal);
  const run = await runToContinue(command, folder, recovered, console, output).catch((error: unknown) => {
    recovered.journal.close();
    throw error;
  });
  return runAndPublish(run, console, output);
}

/** The run that a journal is of. @throws UsageError if it is not to be continued */
async function runToContinue(
  command: NonNullable<Header["command"]>,
  folder: RunFolder,
  recovered: Recovered,
  console: Console,
  { consent }: Output,
): Promise<Run> {
  const { header, entries, journal } = recovered;
  if ((header.command ?? "bench") !== command) {
    throw new UsageError(
      `${folder.id} is not a run of ${command}; continue with: ${resumeCommand(header, folder)}`,
    );
  }
  for (const line of recoveryLines(folder, recovered)) writeLine(console.stderr, line);
  const plan = await planOfRun(header);
  checkPublishable(header, entries, plan);
  const images = header.depth && (await sameImages(header.depth, imageOptions(console, consent)));
  return { folder, header, plan, journal, images, done: entries };
}

/** Describes damage to a journal, and its cost. */
function recoveryLines(
  { journal }: RunFolder,
  { entries, truncatedBytes, damage, repeated, wasKilled }: Recovered,
): string[] {
  const results = entries.filter((entry) => resultKey(entry) !== undefined && !isTwin(entry)).length;
  return [
    ...(wasKilled
      ? [
          `the process before was ended by force after ${plural(results, "result")}: killed, out of memory, or without power`,
        ]
      : []),
    ...(truncatedBytes > 0
      ? [`dropped an unfinished last line (${plural(truncatedBytes, "byte")}) of ${journal}`]
      : []),
    ...damage.map(
      ({ line, problem }) => `${journal}:${line} is damaged (${problem}): what it held is done again`,
    ),
    ...repeatedLine(journal, repeated),
  ];
}

function repeatedLine(journal: string, [repeated, ...others]: Recovered["repeated"]): string[] {
  if (!repeated) return [];
  const more = others.length ? ` (${plural(others.length, "more line")} like it)` : "";
  return [`${journal}:${repeated.line} repeats line ${repeated.first} and counts for nothing${more}`];
}

/** @throws UsageError if the images are no longer those that the run began with. */
async function sameImages(settings: DepthSettings, options: ImageOptions): Promise<Images> {
  const { images, description } = await describedImages(imagesNeeded(settings), options);
  if (description.digest !== settings.images.digest) {
    throw new UsageError(
      `the run began with ${settings.images.source} images, and these ${description.source} images are others; set CIFAR10_DIR as it was, or start a new run`,
    );
  }
  return images;
}

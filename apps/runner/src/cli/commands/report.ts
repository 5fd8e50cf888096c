import { once } from "node:events";
import { lstatSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isSystemError, messageOf } from "@softmax-bench/core";
import { type PageRun, renderPage, renderSummary, renderTerminal, reportView } from "@softmax-bench/report";
import open from "open";
import { writeAtomically } from "../../fs/write-atomically.js";
import { DEFAULT_OUT } from "../../plan/default-out.js";
import { needResults } from "../../results/find-results.js";
import { pageTemplate } from "../../run/page-template.js";
import { findRunFolder, publishReports } from "../../run/publish.js";
import { serveRun } from "../../run/visitors/serve.js";
import { type Console, terminalOptions, writeBlock, writeLine } from "../../terminal/console.js";
import { EXIT, UsageError } from "../../terminal/errors.js";
import { integer, newCommand } from "../command.js";

/** Default file of a page of several runs. */
const DEFAULT_PAGE = "report.html";

interface Flags {
  readonly out: string;
  readonly html?: string;
  readonly full?: boolean;
  readonly open?: boolean;
  readonly serve?: boolean;
  readonly port?: string;
  readonly host?: string;
}

export const command = () =>
  newCommand("report")
    .description(
      "Prints the answers of a run and rebuilds its report; with several runs, makes one page that compares them;\n" +
        "with --serve, follows a run that is going on, and measures the browsers that open it.\n" +
        "report merge joins shards; report history writes a page per branch.",
    )
    .argument(
      "[run...]",
      "latest (the default), runs, baselines, run folders, results files or git revisions",
    )
    .option("--out <dir>", "folder with runs; e.g. --out /tmp/runs", DEFAULT_OUT)
    .option(
      "--html <file>",
      `where the page goes (default: report.html next to the results; of several runs, or of a file by itself, ./${DEFAULT_PAGE}); e.g. --html compared.html`,
    )
    .option("--full", "print every cell of the run, not only the answers; e.g. --full")
    .option("--open", "open the page in a browser; e.g. --open")
    .option("--serve", "serve one run on this machine only, updated while it is going on; e.g. --serve")
    .option(
      "--host <address>",
      "address that --serve listens on: 127.0.0.1, this machine (the default), or 0.0.0.0, the network, whose devices need the printed address; e.g. --host 0.0.0.0",
    )
    .option("--port <n>", "port of --serve (default: a free one); e.g. --port 8080")
    .addHelpText("after", "\nExit codes: 0 done; 2 wrong usage, or a file that is not one of results.");

/** Makes report pages from existing results. */
export async function report(argv: readonly string[], console: Console): Promise<number> {
  const parsed = command().parse(argv, { from: "user" });
  const { out, html, full, open: opens = false, serve = false, port, host } = parsed.opts<Flags>();
  const names = parsed.args.length ? parsed.args : ["latest"];
  if (serve && full)
    throw new UsageError("--full prints a run, and --serve prints none; leave out one of them");
  if (serve)
    return serveOne(names, { out, port: parsePort(port), isPublic: isPublic(host), opens, html }, console);
  if (port !== undefined) throw new UsageError("--port is that of --serve; add --serve");
  if (host !== undefined) throw new UsageError("--host is that of --serve; add --serve");
  const [only, ...others] = await Promise.all(names.map((name) => needRun(name, out)));
  if (full && others.length > 0) throw new UsageError("--full prints one run; leave out the others");
  const page = await writePage(only ? [only, ...others] : [], html);
  if (only && others.length === 0) {
    const render = full ? renderTerminal : renderSummary;
    writeBlock(console.stdout, render(reportView(only.results), terminalOptions(console.stdout)));
  }
  writeLine(console.stderr, `wrote ${page}`);
  if (opens) await show(resolve(page), console);
  return EXIT.ok;
}

interface Run extends PageRun {
  /** The folder of its results; undefined for a single file. */
  readonly folder: string | undefined;
}

async function needRun(name: string, out: string): Promise<Run> {
  const { file, results } = await needResults(name, out);
  const folder = dirname(file);
  return basename(file) === "results.json"
    ? { name: basename(resolve(folder)), results, folder }
    : { name: basename(file), results, folder: undefined };
}

/** Writes one run's reports in their existing place, or several runs' page. @returns the file of the page */
async function writePage(runs: readonly Run[], html: string | undefined): Promise<string> {
  const [only] = runs;
  if (runs.length === 1 && only?.folder !== undefined && html === undefined) {
    await publishReports({ id: only.name, path: only.folder }, only.results, reportView(only.results));
    return join(only.folder, "report.html");
  }
  const page = html ?? DEFAULT_PAGE;
  try {
    checkTarget(page);
    writeAtomically(page, renderPage(pageTemplate(), runs));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UsageError(
      `cannot write the page to ${JSON.stringify(page)}: ${error.message}; choose another --html`,
    );
  }
  return page;
}

/** @throws UsageError if the target is not an earlier page but results, a device or a folder. */
function checkTarget(page: string): void {
  const target = lstatSync(page, { throwIfNoEntry: false });
  if (!target) return;
  const start = "<!doctype html>";
  if (target.isFile() && readFileSync(page, "utf8").slice(0, start.length) === start) return;
  throw new UsageError(`--html ${page} is there and not a page of before; choose another file, or remove it`);
}

interface ServeFlags {
  readonly out: string;
  readonly html: string | undefined;
  readonly port: number;
  readonly isPublic: boolean;
  readonly opens: boolean;
}

async function serveOne(
  names: readonly string[],
  { out, html, port, isPublic, opens }: ServeFlags,
  console: Console,
) {
  const [name = "latest", ...others] = names;
  if (others.length)
    throw new UsageError(`--serve shows one run, got ${names.length}; leave out all but one`);
  if (html !== undefined) throw new UsageError("--serve writes no file; leave out --html");
  const folder = findRunFolder(out, name);
  const say = (line: string) => writeLine(console.stderr, line);
  await using server = await serveRun(folder, { port, isPublic, say });
  for (const url of server.urls) writeLine(console.stdout, url);
  const audience = isPublic ? "everyone in its networks who knows the address" : "this machine";
  say(`serving ${folder.id} to ${audience}; stop with Ctrl-C`);
  if (opens) await show(server.urls[0] as string, console);
  if (!console.signal.aborted) {
    await new Promise((stop) => console.signal.addEventListener("abort", stop, { once: true }));
  }
  return EXIT.ok;
}

/** @throws UsageError unless the address is that of this machine, or that of all its networks */
function isPublic(address = "127.0.0.1"): boolean {
  if (address === "127.0.0.1" || address === "0.0.0.0") return address === "0.0.0.0";
  throw new UsageError(
    `--host takes 127.0.0.1 for this machine or 0.0.0.0 for its networks, got ${JSON.stringify(address)}`,
  );
}

function parsePort(text: string | undefined): number {
  const port = integer("--port", text) ?? 0;
  if (port > 65_535) throw new UsageError(`--port takes a number up to 65535, got ${port}`);
  return port;
}

/** An opener that has not failed within this time has started something. */
const OPENER_MS = 3000;

/** Shows a page. A machine without a browser cannot show it; the page exists all the same. */
async function show(target: string, { stderr }: Console): Promise<void> {
  const opener = await open(target);
  const done = new AbortController();
  const problem = await Promise.race([
    once(opener, "exit").then(
      ([code]) => (code === 0 ? undefined : `its opener ended with exit code ${code}`),
      messageOf,
    ),
    sleep(OPENER_MS, undefined, { signal: done.signal }).catch(() => undefined),
  ]);
  done.abort();
  if (problem) writeLine(stderr, `no browser opened ${target}: ${problem}`);
}

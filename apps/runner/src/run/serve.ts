import { randomBytes, timingSafeEqual } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { dirname, join } from "node:path";
import type { Results } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import { printable, renderPage } from "@softmax-bench/report";
import { createExperiments } from "../experiments/index.js";
import { readJournal } from "../results/journal/journal.js";
import { UsageError } from "../terminal/errors.js";
import { assemble } from "./assemble.js";
import { pageTemplate } from "./page-template.js";
import { planOfRun } from "./plan-run.js";
import type { RunFolder } from "./publish.js";
import { Visitors } from "./visitors/visitors.js";

export interface RunServer extends AsyncDisposable {
  /** The addresses of the page, each of which works from some place. */
  readonly urls: readonly string[];
}

export interface ServeOptions {
  /** 0 for any free one. */
  readonly port: number;
  /** True to serve other machines, too: those that know the token in the address. */
  readonly isPublic: boolean;
  /** Prints a line for the user. */
  readonly say: (line: string) => void;
}

const LOOPBACK = "127.0.0.1";
const ALL_INTERFACES = "0.0.0.0";
/** Interval between checks of the journal, in milliseconds. */
const INTERVAL_MS = 500;

/** Kinds of files that a run folder holds for readers. */
const TYPES: Readonly<Record<string, string>> = {
  ".md": "text/markdown; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};

/** The state of a server that its requests share. */
interface Served {
  readonly folder: RunFolder;
  readonly visitors: Visitors;
  /** Pages that want to know of changes. */
  readonly clients: Set<ServerResponse>;
  /** The first part of the paths that measure, and of all paths if other machines are served. */
  readonly token: string;
  readonly isPublic: boolean;
}

/**
 * Serves the page of one run, which may be in progress: it is read from the run's journal. Browsers that open it can be
 * measured. By default it serves this machine only.
 *
 * @throws UsageError if the port is taken, or the journal is damaged
 */
export async function serveRun(folder: RunFolder, { port, isPublic, say }: ServeOptions): Promise<RunServer> {
  await resultsSoFar(folder);
  const clients = new Set<ServerResponse>();
  const token = randomBytes(16).toString("hex");
  const visitors = new Visitors(dirname(folder.path), say);
  const served: Served = { folder, visitors, clients, token, isPublic };
  // Loaded here: on Node 22, importing it compiles WebAssembly, and a Node that cannot do so could report nothing.
  const { createServer } = await import("node:http");
  const server = createServer((request, response) => {
    answer(request, response, served).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
      response.end(error instanceof UsageError ? printable(error.message) : "the run cannot be read");
    });
  });
  await new Promise<void>((listening, failed) => {
    server.once("error", (error) => failed(new UsageError(`cannot serve on port ${port}: ${error.message}`)));
    server.listen(port, isPublic ? ALL_INTERFACES : LOOPBACK, listening);
  });
  const watch = watchSize(folder.journal, () => {
    for (const client of clients) client.write("data: changed\n\n");
  });
  const { port: used } = server.address() as AddressInfo;
  return {
    urls: isPublic
      ? [LOOPBACK, ...networkAddresses()].map((address) => `http://${address}:${used}/${token}/`)
      : [`http://${LOOPBACK}:${used}/`],
    [Symbol.asyncDispose]: async () => {
      clearInterval(watch);
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** The addresses that this machine has in networks. */
const networkAddresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .flatMap(({ family, internal, address }) => (family === "IPv4" && !internal ? [address] : []));

/** The results of a run so far. */
async function resultsSoFar({ journal }: RunFolder): Promise<Results> {
  const { header, entries } = readJournal(journal);
  return assemble(header, entries, await planOfRun(header), createExperiments(header));
}

function watchSize(file: string, changed: () => void): NodeJS.Timeout {
  let known = statSync(file).size;
  return setInterval(() => {
    const size = readSize(file) ?? known;
    if (size === known) return;
    known = size;
    changed();
  }, INTERVAL_MS);
}

/** The size of a file; undefined while it does not exist, or is not accessible. */
function readSize(file: string): number | undefined {
  try {
    return statSync(file).size;
  } catch {
    return undefined;
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, served: Served): Promise<void> {
  const { isPublic, token, visitors } = served;
  if (!isPublic && !isLocal(request)) {
    return refuse(response, 421, "this server answers to this machine's own name only");
  }
  // Nobody guesses the token of a measuring page.
  if (await visitors.answerPage(request, response)) return;
  const [, first = "", ...rest] = pathOf(request).split("/");
  const isTrusted = isSecret(first, token);
  if (isPublic && !isTrusted)
    return refuse(response, 404, "this address lacks its token, or has a wrong one");
  const path = isTrusted ? rest.join("/") : [first, ...rest].join("/");
  if (isTrusted && path.startsWith(VISITORS)) {
    return visitors.answer(request, response, path.slice(VISITORS.length));
  }
  if (path !== VISITORS || request.method !== "GET") return show(request, response, path, served);
  // Only the user who follows the link sees where it leads.
  response.writeHead(302, { location: `/${token}/${VISITORS}` }).end();
}

/** The path of the visitors' page, which measures. */
const VISITORS = "measure/";

const pathOf = ({ url = "/" }: IncomingMessage): string => url.split("?", 1)[0] as string;

/** Compares in a time that does not depend on how much is right. */
function isSecret(given: string, secret: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(secret)];
  return a.length === b.length && timingSafeEqual(a, b);
}

const HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

/** Answers a request for the page of the run, and for what it shows. */
async function show(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  { folder, visitors, clients }: Served,
): Promise<void> {
  const send = (type: string, body: string | Uint8Array) =>
    response.writeHead(200, { ...HEADERS, "content-type": type }).end(request.method === "HEAD" ? "" : body);
  if (request.method !== "GET" && request.method !== "HEAD") {
    return refuse(response, 405, "this server only shows");
  }
  if (path === "") {
    const runs = [{ name: folder.id, results: await resultsSoFar(folder) }, ...visitors.runs];
    return void send("text/html; charset=utf-8", renderPage(pageTemplate(), runs, { live: true }));
  }
  if (path === "results.json") {
    return void send("application/json", formatResults(await resultsSoFar(folder)));
  }
  if (path === "events") {
    response.writeHead(200, { ...HEADERS, "content-type": "text/event-stream" }).write(":\n\n");
    clients.add(response);
    response.on("close", () => clients.delete(response));
    return;
  }
  const file = fileIn(folder, path);
  if (file) send(file.type, readFileSync(file.path));
  else refuse(response, 404, "there is no such file in this run");
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { ...HEADERS, "content-type": "text/plain; charset=utf-8" }).end(`${why}\n`);
}

/** True for a local request. Another site's page whose name points here still sends that name as its host. */
function isLocal({ headers: { host = "" }, socket }: IncomingMessage): boolean {
  return [LOOPBACK, "localhost"].some((name) => host.toLowerCase() === `${name}:${socket.localPort}`);
}

/** A plain file of the folder itself, looked up by name among the existing ones: no path leads out. */
function fileIn({ path }: RunFolder, name: string): { path: string; type: string } | undefined {
  const entry = readdirSync(path, { withFileTypes: true }).find(
    (one) => one.isFile() && encodeURIComponent(one.name) === name,
  );
  const type = Object.entries(TYPES).find(([ending]) => entry?.name.endsWith(ending))?.[1];
  return entry && type ? { path: join(path, entry.name), type } : undefined;
}

import { readdirSync, readFileSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Results } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import { printable, renderPage } from "@softmax-bench/report";
import { experimentsOf } from "../experiments/index.js";
import { readJournal } from "../journal/journal.js";
import { UsageError } from "../terminal/errors.js";
import { assemble } from "./assemble.js";
import { pageTemplate } from "./page-template.js";
import { planOfRun } from "./plan-run.js";
import type { RunFolder } from "./publish.js";

export interface RunServer extends AsyncDisposable {
  readonly url: string;
}

const HOST = "127.0.0.1";
/** Interval between checks of the journal, in milliseconds. */
const INTERVAL_MS = 500;

/** Kinds of files that a run folder holds for readers. */
const TYPES: Readonly<Record<string, string>> = {
  ".md": "text/markdown; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};

/**
 * Serves the page of one run to this machine only. It is read from the run's journal; the run may be in progress.
 * @param port 0 for any free one
 * @throws UsageError if the port is taken, or the journal is damaged
 */
export async function serveRun(folder: RunFolder, port: number): Promise<RunServer> {
  await resultsSoFar(folder);
  const clients = new Set<ServerResponse>();
  // Loaded here: on Node 22, importing it compiles WebAssembly, and a Node that cannot do so could report nothing.
  const { createServer } = await import("node:http");
  const server = createServer((request, response) => {
    answer(request, response, folder, clients).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
      response.end(error instanceof UsageError ? printable(error.message) : "the run cannot be read");
    });
  });
  await new Promise<void>((listening, failed) => {
    server.once("error", (error) => failed(new UsageError(`cannot serve on port ${port}: ${error.message}`)));
    server.listen(port, HOST, listening);
  });
  const watch = watchSize(folder.journal, () => {
    for (const client of clients) client.write("data: changed\n\n");
  });
  const { port: used } = server.address() as AddressInfo;
  return {
    url: `http://${HOST}:${used}/`,
    [Symbol.asyncDispose]: async () => {
      clearInterval(watch);
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** The results of a run so far. */
async function resultsSoFar({ journal }: RunFolder): Promise<Results> {
  const { header, entries } = readJournal(journal);
  return assemble(header, entries, await planOfRun(header), experimentsOf(header));
}

function watchSize(file: string, changed: () => void): NodeJS.Timeout {
  let known = statSync(file).size;
  return setInterval(() => {
    const size = sizeOf(file) ?? known;
    if (size === known) return;
    known = size;
    changed();
  }, INTERVAL_MS);
}

/** The size of a file; undefined while it does not exist, or is not accessible. */
function sizeOf(file: string): number | undefined {
  try {
    return statSync(file).size;
  } catch {
    return undefined;
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  folder: RunFolder,
  clients: Set<ServerResponse>,
): Promise<void> {
  const headers = { "cache-control": "no-store", "x-content-type-options": "nosniff" };
  const send = (status: number, type: string, body: string | Uint8Array) =>
    response
      .writeHead(status, { ...headers, "content-type": type })
      .end(request.method === "HEAD" ? "" : body);
  const refuse = (status: number, why: string) => send(status, "text/plain; charset=utf-8", `${why}\n`);

  if (!isLocal(request)) return void refuse(421, "this server answers to this machine's own name only");
  if (request.method !== "GET" && request.method !== "HEAD")
    return void refuse(405, "this server only shows");
  const { url: pathname = "/" } = request;
  if (pathname === "/") {
    const runs = [{ name: folder.id, results: await resultsSoFar(folder) }];
    return void send(200, "text/html; charset=utf-8", renderPage(pageTemplate(), runs, { live: true }));
  }
  if (pathname === "/results.json") {
    return void send(200, "application/json", formatResults(await resultsSoFar(folder)));
  }
  if (pathname === "/events") {
    response.writeHead(200, { ...headers, "content-type": "text/event-stream" }).write(":\n\n");
    clients.add(response);
    response.on("close", () => clients.delete(response));
    return;
  }
  const file = fileIn(folder, pathname);
  if (!file) return void refuse(404, "there is no such file in this run");
  send(200, file.type, readFileSync(file.path));
}

/** True for a local request. Another site's page whose name points here still sends that name as its host. */
function isLocal({ headers: { host = "" }, socket }: IncomingMessage): boolean {
  return [HOST, "localhost"].some((name) => host.toLowerCase() === `${name}:${socket.localPort}`);
}

/** A plain file of the folder itself, looked up by name among the existing ones: no path leads out. */
function fileIn({ path }: RunFolder, pathname: string): { path: string; type: string } | undefined {
  const entry = readdirSync(path, { withFileTypes: true }).find(
    (one) => one.isFile() && `/${encodeURIComponent(one.name)}` === pathname,
  );
  const type = Object.entries(TYPES).find(([ending]) => entry?.name.endsWith(ending))?.[1];
  return entry && type ? { path: join(path, entry.name), type } : undefined;
}

import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

/** The requests of a page to its parent; see `apps/page`. */
export interface PagePeer {
  /** The page listens for requests; each is sent as an event. @param response never ends by itself */
  listen(response: ServerResponse): void;
  /** The page is still alive. It sends this every few seconds. */
  heartbeat(): void;
  /** A file of the page was served. @param compressed the number of its bytes after gzip */
  served(compressed: number): void;
  /** A line of JSON with any content. */
  reply(line: string): void;
  /** The page cannot go on. */
  fail(message: string): void;
  /** Bytes of the inputs that the host holds, from a position on; undefined if it has fewer. */
  inputs(from: number, bytes: number): Uint8Array | undefined;
  results(bytes: Uint8Array): void;
}

/** Headers without which a page has no shared memory, and only a clock of 100 µs. */
const ISOLATION = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
};

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** The most bytes of a message, and of results: more than any honest one. */
const LONGEST_MESSAGE = 2 ** 24;
const LARGEST_RESULTS = 2 ** 33;

/**
 * Serves the measuring page on loopback. A client that knows a token receives its files and its peer's data, and
 * nothing else.
 */
export class PageServer {
  readonly #server: Server;
  readonly #files: ReadonlyMap<string, string>;
  readonly #peers = new Map<string, PagePeer>();
  readonly #compressed = new Map<string, Promise<number>>();
  #address: Promise<string> | undefined;

  /** @param folder the build output of the page */
  constructor(folder: string) {
    const names = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    this.#files = new Map(names.map((file) => [relative(folder, file).split(sep).join("/"), file]));
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error) => {
        response.destroy(error instanceof Error ? error : undefined);
      });
    });
    this.#server.unref();
  }

  /** Expects a page of its own for a peer. @returns its address, and a function that releases it */
  async admit(peer: PagePeer): Promise<{ readonly address: string; readonly forget: () => void }> {
    this.#address ??= new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(0, "127.0.0.1", () => {
        resolve(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
      });
    });
    const token = randomBytes(16).toString("hex");
    this.#peers.set(token, peer);
    return { address: `${await this.#address}/${token}/`, forget: () => this.#peers.delete(token) };
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const [, token = "", ...rest] = url.pathname.split("/");
    const peer = this.#peers.get(token);
    const path = rest.join("/");
    if (!peer) return end(response, 404);
    if (request.method === "POST") return take(request, response, path, peer);
    if (request.method !== "GET") return end(response, 405);
    if (path === "requests") {
      response.writeHead(200, {
        ...ISOLATION,
        "content-type": "text/event-stream",
        "cache-control": "no-store",
      });
      response.flushHeaders();
      return peer.listen(response);
    }
    if (path === "inputs") {
      const body = readPart(url.searchParams, peer);
      if (!body) return end(response, 416);
      response.writeHead(200, {
        ...ISOLATION,
        "content-type": "application/octet-stream",
        "content-length": body.length,
      });
      response.end(body);
      return;
    }
    const file = this.#files.get(path === "" ? "index.html" : path);
    if (file === undefined) return end(response, 404);
    response.writeHead(200, {
      ...ISOLATION,
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
    });
    const bytes = readFileSync(file);
    response.end(bytes);
    peer.served(await this.#compressedBytes(file, bytes));
  }

  /** The size of a file as servers on the web send it. It is computed when the file was sent: that must not wait. */
  #compressedBytes(file: string, bytes: Buffer): Promise<number> {
    const known = this.#compressed.get(file) ?? promisify(gzip)(bytes).then(({ length }) => length);
    this.#compressed.set(file, known);
    return known;
  }
}

function readPart(query: URLSearchParams, peer: PagePeer): Uint8Array | undefined {
  const [from = 0, bytes = 0] = ["from", "bytes"].map((name) => Number(query.get(name) ?? Number.NaN));
  const isRange = [from, bytes].every((value) => Number.isSafeInteger(value) && value >= 0);
  return isRange ? peer.inputs(from, bytes) : undefined;
}

async function take(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  peer: PagePeer,
): Promise<void> {
  if (path === "results") peer.results(await readBody(request, LARGEST_RESULTS));
  else if (path === "replies") peer.reply((await readBody(request, LONGEST_MESSAGE)).toString("utf8"));
  else if (path === "heartbeats") peer.heartbeat();
  else if (path === "failures") peer.fail((await readBody(request, LONGEST_MESSAGE)).toString("utf8"));
  else return end(response, 404);
  end(response, 204);
}

async function readBody(request: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > most) throw new Error(`a page sent more than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, ISOLATION);
  response.end();
}

import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

/** The requests of a page to its parent; see `apps/page`. */
export interface PagePeer {
  /** The page is alive: it has sent something. It sends a heartbeat every few seconds. */
  seen(): void;
  /**
   * The page listens for requests, which are sent as events with their numbers, from 1 on. It does so again when its connection is cut.
   *
   * @param response never ends by itself
   * @param received the number of the last request that the page has received; 0 before the first
   */
  listen(response: ServerResponse, received: number): void;
  /** A file of the page was served. @param compressed the number of its bytes after gzip */
  served(name: string, compressed: number): void;
  /**
   * A line of JSON with any content. A reply arrives twice if the answer to it was lost.
   *
   * @param number of the request, as the page says
   */
  reply(line: string, number: number): void;
  /** The page cannot go on. */
  fail(message: string): void;
  /** Bytes of the inputs that the host holds, from a position on; undefined if it has fewer. */
  inputs(from: number, bytes: number): Uint8Array | undefined;
  /** Results, which may arrive twice, too. @param number of the request, as the page says */
  results(bytes: Uint8Array, number: number): void;
}

/** Headers without which a page has no shared memory, and only a clock of 100 µs. */
const ISOLATION = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
};

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** The most bytes of a message, and of results: more than any honest one. */
const LONGEST_MESSAGE = 2 ** 24;
const LARGEST_RESULTS = 2 ** 33;

export interface PagesOptions {
  /** The most bytes of results that a page may send at once. */
  readonly mostResultBytes?: number;
}

/** The files of the measuring page, and its peers: a client that knows a peer's token reaches that peer. */
export class Pages {
  readonly #files: ReadonlyMap<string, string>;
  readonly #peers = new Map<string, PagePeer>();
  readonly #compressed = new Map<string, Promise<number>>();
  readonly #mostResultBytes: number;

  /** @param folder the build output of the page */
  constructor(folder: string, { mostResultBytes = LARGEST_RESULTS }: PagesOptions = {}) {
    const names = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    this.#files = new Map(names.map((file) => [relative(folder, file).split(sep).join("/"), file]));
    this.#mostResultBytes = mostResultBytes;
  }

  /** Expects a page of its own for a peer. @returns its path, and a function that releases it */
  admit(peer: PagePeer): { readonly path: string; readonly forget: () => void } {
    const token = randomBytes(16).toString("hex");
    this.#peers.set(token, peer);
    return { path: `/${token}/`, forget: () => this.#peers.delete(token) };
  }

  /** Answers a request to a peer. @returns false if its path names none, which leaves the answer to the caller */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const [, token = "", ...rest] = url.pathname.split("/");
    const peer = this.#peers.get(token);
    if (!peer) return false;
    const path = rest.join("/");
    peer.seen();
    if (request.method === "POST") await this.#take(request, response, path, url.searchParams, peer);
    else if (request.method !== "GET") end(response, 405);
    else if (path === "requests") listen(request, response, url.searchParams, peer);
    else if (path === "inputs") sendInputs(response, url.searchParams, peer);
    else await this.#serve(response, path === "" ? "index.html" : path, peer);
    return true;
  }

  async #serve(response: ServerResponse, name: string, peer: PagePeer): Promise<void> {
    this.sendFile(response, name);
    const compressed = await this.#compressedBytes(name);
    if (compressed !== undefined) peer.served(name, compressed);
  }

  /** The size of a file as servers on the web send it. It is computed when the file was sent: that must not wait. */
  #compressedBytes(name: string): Promise<number> | undefined {
    const file = this.#files.get(name);
    if (file === undefined) return undefined;
    const known =
      this.#compressed.get(file) ?? promisify(gzip)(readFileSync(file)).then(({ length }) => length);
    this.#compressed.set(file, known);
    return known;
  }

  /** Sends a file of the page, looked up by its name among those that exist. */
  sendFile(response: ServerResponse, name: string): void {
    const file = this.#files.get(name);
    if (file === undefined) end(response, 404);
    else sendBytes(response, readFileSync(file), TYPES[extname(file)] ?? "application/octet-stream");
  }

  async #take(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: URLSearchParams,
    peer: PagePeer,
  ): Promise<void> {
    const text = async () => (await readBody(request, LONGEST_MESSAGE)).toString("utf8");
    if (path === "results" || path === "replies") {
      const number = readNumber(query.get("to"));
      if (number === undefined) return end(response, 400);
      if (path === "replies") {
        const line = await text();
        // Whoever reads a reply may ask how large the files were that the page has loaded for it.
        await Promise.all(this.#compressed.values());
        peer.reply(line, number);
      } else peer.results(await readBody(request, this.#mostResultBytes), number);
    } else if (path === "failures") peer.fail(await text());
    else if (path !== "heartbeats") return end(response, 404);
    end(response, 204);
  }
}

/** A whole number, not negative; undefined for any other text. */
const readNumber = (text: string | null): number | undefined =>
  text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;

function listen(
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
  peer: PagePeer,
): void {
  // The browser adds the header when it connects again by itself.
  const last = request.headers["last-event-id"];
  const received = readNumber(typeof last === "string" ? last : query.get("after"));
  if (received === undefined) {
    end(response, 400);
    return;
  }
  response.writeHead(200, {
    ...ISOLATION,
    "content-type": "text/event-stream",
    "cache-control": "no-store",
  });
  response.flushHeaders();
  peer.listen(response, received);
}

function sendInputs(response: ServerResponse, query: URLSearchParams, peer: PagePeer): void {
  const body = readPart(query, peer);
  if (!body) end(response, 416);
  else sendBytes(response, body, "application/octet-stream");
}

function readPart(query: URLSearchParams, peer: PagePeer): Uint8Array | undefined {
  const [from, bytes] = ["from", "bytes"].map((name) => readNumber(query.get(name)));
  return from === undefined || bytes === undefined ? undefined : peer.inputs(from, bytes);
}

/** Reads the body of a request. @throws Error as soon as it is longer than `most` bytes */
export async function readBody(request: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > most) throw new Error(`a page sent more than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function sendBytes(response: ServerResponse, bytes: Uint8Array, type: string): void {
  response.writeHead(200, { ...ISOLATION, "content-type": type, "content-length": bytes.length });
  response.end(bytes);
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, ISOLATION);
  response.end();
}

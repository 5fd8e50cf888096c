import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DataError } from "./records.js";

/** A file that is published somewhere. */
export interface Published {
  readonly url: string;
  /** Hexadecimal, as published next to it. */
  readonly md5: string;
}

/** Nobody answered: there is no network, or not to there. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

export interface DownloadOptions {
  readonly signal: AbortSignal;
  /** Bytes so far, of how many if that is known. */
  readonly progress: (bytes: number, of: number | undefined) => void;
  /** How long a server may send nothing, in milliseconds. */
  readonly silenceMs?: number;
}

/**
 * Downloads a file, going on where an earlier attempt was cut off, and checks its digest.
 *
 * @param partial where it grows; what is there stays there if the download is cut off
 * @throws Unreachable if nobody answers; DataError if the server refuses or falls silent, the download ends early, or its digest
 * is another
 */
export async function download(
  { url, md5 }: Published,
  partial: string,
  { signal: stopped, progress, silenceMs = SILENCE_MS }: DownloadOptions,
): Promise<void> {
  using watch = watched(stopped, url, silenceMs);
  const { signal, heard } = watch;
  const start = (await stat(partial).catch(() => undefined))?.size ?? 0;
  const response = await request(url, start, signal);
  heard();
  // A server that knows no ranges begins anew; 416 says that nothing is left of what was asked for from there on.
  if (response.status !== 416) {
    const from = response.status === 206 ? start : 0;
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    const total = Number.isFinite(length) ? from + length : undefined;
    await receive(
      response,
      partial,
      from,
      (bytes) => {
        heard();
        progress(bytes, total);
      },
      signal,
    );
    const { size } = await stat(partial);
    if (total !== undefined && size < total) throw cutOff(url, size, total);
  }
  const digest = await md5Of(partial);
  if (digest !== md5) {
    await rm(partial, { force: true });
    throw new DataError(`${url} has the MD5 digest ${digest}, expected ${md5}; it was deleted, start again`);
  }
}

/** A server that says nothing for this long, in milliseconds, has nothing to say. */
const SILENCE_MS = 60_000;

/** What a connection fails with where nobody is, or there is no network. */
const NOBODY: readonly unknown[] = [
  ...["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH", "ENETDOWN", "EHOSTDOWN"],
  ...["ETIMEDOUT", "UND_ERR_CONNECT_TIMEOUT"],
];

async function request(url: string, start: number, signal: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { signal, ...(start > 0 ? { headers: { range: `bytes=${start}-` } } : {}) });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const { message, code } = causeOf(error);
    if (NOBODY.includes(code)) throw new Unreachable(`${url} cannot be reached (${message})`);
    throw new DataError(`${url} cannot be downloaded: ${message}`);
  }
  if (!response.ok && !(response.status === 416 && start > 0)) {
    throw new DataError(`${url} answers ${response.status}`);
  }
  return response;
}

/** What is behind an error of `fetch`; where several addresses were tried, behind the first. */
function causeOf(error: unknown): { message: string; code: unknown } {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const first = cause instanceof AggregateError ? cause.errors[0] : cause;
  if (!(first instanceof Error)) return { message: String(first), code: undefined };
  return { message: first.message, code: "code" in first ? first.code : undefined };
}

async function receive(
  response: Response,
  partial: string,
  from: number,
  progress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  if (!response.body) throw new DataError(`${response.url} sent nothing`);
  let bytes = from;
  const counted = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      progress(bytes);
      yield chunk;
    }
  };
  try {
    const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
    const file = createWriteStream(partial, { flags: from > 0 ? "a" : "w" });
    await pipeline(body, counted, file, { signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof Error && "syscall" in error && "path" in error) throw error;
    throw cutOff(response.url, bytes, undefined);
  }
}

/** A signal that is aborted with the given one, or by silence: for `SILENCE_MS` nobody has called `heard`. */
function watched(signal: AbortSignal, url: string, silenceMs: number) {
  const silence = new AbortController();
  const stop = () =>
    silence.abort(
      new DataError(`${url} sent nothing for ${silenceMs / 1e3} s; start again to go on from there`),
    );
  const timer = setTimeout(stop, silenceMs);
  return {
    signal: AbortSignal.any([signal, silence.signal]),
    heard: () => timer.refresh(),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

const cutOff = (url: string, bytes: number, total: number | undefined): DataError =>
  new DataError(
    `${url} was cut off after ${bytes}${total ? ` of ${total}` : ""} bytes; start again to go on from there`,
  );

async function md5Of(file: string): Promise<string> {
  const hash = createHash("md5");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

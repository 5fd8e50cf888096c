import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DataError } from "./records.js";

/** A published file. */
export interface Published {
  readonly url: string;
  /** The digest in hexadecimal, as published next to the file. */
  readonly md5: string;
}

/** No server responded: there is no network, or no route to the server. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

export interface DownloadOptions {
  readonly signal: AbortSignal;
  /** Receives the number of bytes so far, and the total if it is known. */
  readonly progress: (bytes: number, of: number | undefined) => void;
  /** Time without data after which a download fails, in milliseconds. */
  readonly silenceMs?: number;
}

/**
 * Downloads a file, resumes an earlier attempt that was cut off, and checks its digest.
 *
 * @param partial path of the growing file; it remains if the download is cut off
 * @throws Unreachable if no server responds; DataError if the server refuses or stops sending, the download ends early,
 * or its digest differs
 */
export async function download(
  { url, md5 }: Published,
  partial: string,
  { signal: stopped, progress, silenceMs = SILENCE_MS }: DownloadOptions,
): Promise<void> {
  using watch = watchSilence(stopped, url, silenceMs);
  const { signal, heard } = watch;
  const start = (await stat(partial).catch(() => undefined))?.size ?? 0;
  const response = await request(url, start, signal);
  heard();
  // A server without range support starts over; 416 means that nothing is left after the requested position.
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
  const digest = await computeMd5(partial);
  if (digest !== md5) {
    await rm(partial, { force: true });
    throw new DataError(`${url} has the MD5 digest ${digest}, expected ${md5}; it was deleted, start again`);
  }
}

/** Default time without data after which a download fails, in milliseconds. */
const SILENCE_MS = 60_000;

/** Error codes of a connection if there is no server, or no network. */
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

/** The cause of an error of `fetch`; if several addresses were tried, that of the first. */
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
  const countBytes = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      progress(bytes);
      yield chunk;
    }
  };
  try {
    const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
    const file = createWriteStream(partial, { flags: from > 0 ? "a" : "w" });
    await pipeline(body, countBytes, file, { signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof Error && "syscall" in error && "path" in error) throw error;
    throw cutOff(response.url, bytes, undefined);
  }
}

/** A signal that is aborted with the given one, or by silence: `heard` has not been called for `silenceMs`. */
function watchSilence(signal: AbortSignal, url: string, silenceMs: number) {
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

async function computeMd5(file: string): Promise<string> {
  const hash = createHash("md5");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

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
}

/**
 * Downloads a file, going on where an earlier attempt was cut off, and checks its digest.
 *
 * @param partial where it grows; what is there stays there if the download is cut off
 * @throws Unreachable if nobody answers; DataError if the server refuses, the download ends early, or its digest is another
 */
export async function download(
  { url, md5 }: Published,
  partial: string,
  { signal, progress }: DownloadOptions,
): Promise<void> {
  const start = (await stat(partial).catch(() => undefined))?.size ?? 0;
  const response = await request(url, start, signal);
  // A server that knows no ranges begins anew; 416 says that nothing is left.
  if (response.status !== 416) {
    const from = response.status === 206 ? start : 0;
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    const total = Number.isFinite(length) ? from + length : undefined;
    await receive(response, partial, from, (bytes) => progress(bytes, total), signal);
    const { size } = await stat(partial);
    if (total !== undefined && size < total) throw cutOff(url, size, total);
  }
  const digest = await md5Of(partial);
  if (digest !== md5) {
    await rm(partial, { force: true });
    throw new DataError(`${url} has the MD5 digest ${digest}, expected ${md5}; it was deleted, start again`);
  }
}

async function request(url: string, start: number, signal: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { signal, ...(start > 0 ? { headers: { range: `bytes=${start}-` } } : {}) });
  } catch (error) {
    if (signal.aborted) throw error;
    const cause =
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new Unreachable(`${url} cannot be reached (${cause})`);
  }
  if (!response.ok && response.status !== 416) {
    throw new DataError(`${url} answers ${response.status} ${response.statusText}`);
  }
  return response;
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
    if (signal.aborted || (error instanceof Error && "syscall" in error && "path" in error)) throw error;
    throw cutOff(response.url, bytes, undefined);
  }
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

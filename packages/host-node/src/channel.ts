import { createReadStream, writeSync } from "node:fs";
import { Socket } from "node:net";
import { Duplex, Writable } from "node:stream";

/**
 * The channel between parent and worker: lines of JSON through a socket that the worker inherits. Node's own channel
 * between processes would end the parent with an exception if a worker wrote anything else to it.
 */

/** The descriptor of a worker's end of the channel. */
export const WORKER_CHANNEL = 3;

/** UTF-16 units. The longest honest line, of samples, has a hundredth of that. */
const LONGEST_LINE = 2 ** 24;

/** Opens the worker's end. */
export function openWorkerChannel(): Duplex {
  if (!process.versions.bun) return new Socket({ fd: WORKER_CHANNEL, readable: true, writable: true });
  // Bun takes no descriptor for a socket, but reads it as a file.
  const readable = createReadStream("", { fd: WORKER_CHANNEL });
  const writable = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (let offset = 0; offset < chunk.length; ) offset += writeSync(WORKER_CHANNEL, chunk, offset);
      done();
    },
  });
  return Duplex.from({ readable, writable });
}

export function sendLine(channel: Duplex, value: unknown): void {
  channel.write(`${JSON.stringify(value)}\n`);
}

/** Passes on each line that arrives. A line without an end is cut off and passed on, too. */
export function onLine(channel: Duplex, take: (line: string) => void): void {
  let begun = "";
  channel.setEncoding("utf8").on("data", (text: string) => {
    const lines = (begun + text).split("\n");
    begun = lines.pop() ?? "";
    for (const line of lines) take(line);
    if (begun.length <= LONGEST_LINE) return;
    take(begun);
    begun = "";
  });
}

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";
import { create } from "tar";
import { UsageError } from "../terminal/errors.js";

/** A level of zstd that takes seconds. Level 12 takes twice as long for one hundredth less, the highest ones minutes for a tenth. */
const ZSTD_LEVEL = 9;

/** A file that was written. */
export interface WrittenFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The members of `node:zlib` that Node has from 22.15 on. */
interface Zstd {
  createZstdCompress?(options: { readonly params: Readonly<Record<number, number>> }): Transform;
  readonly constants: { readonly ZSTD_c_compressionLevel?: number };
}

/** Makes a step of a pipeline that compresses. */
type Compressor = () => Transform | typeof systemZstd;

/** The compressor of an archive, by the ending of its name. @throws UsageError if there is none */
export function compressorFor(name: string): Compressor {
  if (/\.(?:tar\.gz|tgz)$/.test(name)) return () => zlib.createGzip({ level: 9 });
  if (!/\.(?:tar\.zst|tzst)$/.test(name)) {
    throw new UsageError(
      `--out expects a name that ends in .tar.zst or .tar.gz, got ${JSON.stringify(name)}`,
    );
  }
  const { createZstdCompress, constants }: Zstd = zlib as Zstd;
  const level = constants.ZSTD_c_compressionLevel;
  if (createZstdCompress && level !== undefined) {
    return () => createZstdCompress({ params: { [level]: ZSTD_LEVEL } });
  }
  if (spawnSync("zstd", ["--version"], { stdio: "ignore" }).status === 0) return () => systemZstd;
  throw new UsageError(
    `--out ${name}: Node ${process.versions.node} has no zstd, and there is no command zstd; name a .tar.gz, or use Node 22.15 or later`,
  );
}

/** Compresses with the command `zstd`. */
async function* systemZstd(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const zstd = spawn("zstd", [`-${ZSTD_LEVEL}`, "-T0", "-q", "-c"], { stdio: ["pipe", "pipe", "inherit"] });
  const closed = once(zstd, "close");
  const written = feed(zstd.stdin, source, closed);
  // If the reader stops early, neither is awaited.
  for (const promise of [closed, written]) promise.catch(() => {});
  try {
    yield* zstd.stdout;
    // If it failed, that is the reason why not all was written.
    const [code, signal] = await closed;
    if (code !== 0)
      throw new UsageError(`zstd ${signal ? `was killed by ${signal}` : `exited with ${code}`}`);
    await written;
  } finally {
    zstd.kill();
  }
}

/**
 * Writes chunks to a program until it has ended. A pipeline would end their source with EPIPE, before it is known why the
 * program ended.
 */
async function feed(stdin: Writable, source: AsyncIterable<Buffer>, closed: Promise<unknown>): Promise<void> {
  stdin.on("error", () => {});
  const chunks = source[Symbol.asyncIterator]();
  try {
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
      if (!stdin.write(next.value)) await Promise.race([once(stdin, "drain"), closed]);
      if (stdin.destroyed) return;
    }
  } finally {
    // Also where the source fails: the program ends then, too.
    stdin.end();
  }
}

/**
 * Writes a folder as a compressed archive into files of at most `partBytes` bytes.
 *
 * @param source the folder that holds the one to archive
 * @param nameOf the name of a part, by its number from 1 on
 * @returns the parts, and the checksum of all of them as one file
 */
export async function writeArchive(
  source: string,
  entry: string,
  {
    folder,
    compressor,
    partBytes,
    nameOf,
    signal,
  }: {
    readonly folder: string;
    readonly compressor: Compressor;
    readonly partBytes: number;
    readonly nameOf: (part: number) => string;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly parts: readonly WrittenFile[]; readonly sha256: string }> {
  const parts: WrittenFile[] = [];
  const whole = createHash("sha256");
  // Without owners: files belong to the user who unpacks them.
  const archive = create({ cwd: source, portable: true }, [entry]);
  const writeParts = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    let part: PartWriter | undefined;
    try {
      for await (const chunk of chunks) {
        whole.update(chunk);
        for (let offset = 0; offset < chunk.length; ) {
          part ??= await PartWriter.open(folder, nameOf(parts.length + 1));
          const piece = chunk.subarray(offset, offset + partBytes - part.bytes);
          await part.write(piece);
          offset += piece.length;
          if (part.bytes < partBytes) continue;
          parts.push(await part.end());
          part = undefined;
        }
      }
      if (part) parts.push(await part.end());
    } finally {
      await part?.close();
    }
  };
  const writing: Promise<void>[] = [];
  const write = (chunks: AsyncIterable<Buffer>): Promise<void> => {
    const written = writeParts(chunks);
    writing.push(written);
    return written;
  };
  try {
    await pipeline(archive, compressor(), write, { signal });
  } finally {
    // A pipeline that fails does not wait for its last step, which closes the file.
    await Promise.allSettled(writing);
  }
  return { parts, sha256: whole.digest("hex") };
}

/** A part that is being written. */
class PartWriter {
  bytes = 0;
  readonly #name: string;
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");

  private constructor(name: string, file: FileHandle) {
    this.#name = name;
    this.#file = file;
  }

  static async open(folder: string, name: string): Promise<PartWriter> {
    return new PartWriter(name, await open(join(folder, name), "wx"));
  }

  async write(piece: Buffer): Promise<void> {
    this.bytes += piece.length;
    this.#hash.update(piece);
    await this.#file.appendFile(piece);
  }

  async end(): Promise<WrittenFile> {
    // On the disk before it gets its name: also after a power cut, all of it exists or nothing.
    await this.#file.sync();
    await this.close();
    return { name: this.#name, bytes: this.bytes, sha256: this.#hash.digest("hex") };
  }

  /** Closes the file, complete or not. Another time, nothing happens. */
  close(): Promise<void> {
    return this.#file.close();
  }
}

import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import zlib from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import { compressorFor, writeArchive } from "../dist/bundle/archive.js";
import { temporaryFolder } from "./support/cli.js";

/** A folder with an entry of a megabyte that no compression makes smaller. */
function folderWithEntry(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "entry"));
  const bytes = new Uint8Array(1e6);
  for (let offset = 0; offset < bytes.length; offset += 50_000) {
    crypto.getRandomValues(bytes.subarray(offset, offset + 50_000));
  }
  writeFileSync(join(folder, "entry", "file"), bytes);
  return folder;
}

/** The files in a folder that this process has open. */
const openFilesIn = (folder: string): string[] =>
  readdirSync("/proc/self/fd").flatMap((fd) => {
    const link = join("/proc/self/fd", fd);
    // That of the listing itself is closed by now.
    const file = existsSync(link) ? readlinkSync(link) : "";
    return file.startsWith(folder) ? [file] : [];
  });

/** Replaces PATH until the test ends. */
function setPath(path: string): void {
  const { PATH } = process.env;
  process.env.PATH = path;
  onTestFinished(() => {
    process.env.PATH = PATH;
  });
}

describe("an archive", () => {
  const options = (folder: string) => ({
    folder,
    partBytes: 300_000,
    nameOf: (part: number) => `part.${part}`,
    signal: new AbortController().signal,
  });

  it("closes its part where what it compresses with fails", async () => {
    const folder = temporaryFolder();
    const compressor = () => {
      const stream = new PassThrough();
      // After part of a part was written.
      stream.once("data", () => setImmediate(() => stream.destroy(new Error("no more"))));
      return stream;
    };
    const written = writeArchive(folderWithEntry(), "entry", { ...options(folder), compressor });
    await expect(written).rejects.toThrow("no more");
    expect(openFilesIn(folder)).toEqual([]);
  });

  it.skipIf("createZstdCompress" in zlib)(
    "says how the command zstd ended, and not that its input was closed",
    async () => {
      const [folder, bin] = [temporaryFolder(), temporaryFolder()];
      const script = '#!/bin/sh\n[ "$1" = --version ] || exit 7\n';
      writeFileSync(join(bin, "zstd"), script, { mode: 0o755 });
      setPath(bin);
      const compressor = compressorFor("bundle.tar.zst");
      const written = writeArchive(folderWithEntry(), "entry", { ...options(folder), compressor });
      await expect(written).rejects.toThrow("zstd exited with 7");
    },
  );

  it("has parts of the size that was requested, and the checksum of all of them", async () => {
    const folder = temporaryFolder();
    const { parts, sha256 } = await writeArchive(folderWithEntry(), "entry", {
      ...options(folder),
      compressor: () => new PassThrough(),
    });
    expect(parts.slice(0, -1).every(({ bytes }) => bytes === 300_000)).toBe(true);
    const whole = Buffer.concat(parts.map(({ name }) => readFileSync(join(folder, name))));
    const digest = await crypto.subtle.digest("SHA-256", whole);
    expect(Buffer.from(digest).toString("hex")).toBe(sha256);
  });
});

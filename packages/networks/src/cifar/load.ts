import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Confirm } from "@softmax-bench/core";
import { cacheRoot, inspect, provide, Refused } from "@softmax-bench/provision";
import { extract } from "tar";
import { download, type Published, Unreachable } from "./download.js";
import { readFolder } from "./folder.js";
import type { Images } from "./records.js";
import { syntheticImages } from "./synthetic.js";

/** The binary version, from the data set's home page, which states the digest. */
export const CIFAR10: Published = {
  url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
  md5: "c32a1d4ab5d03f1284b67883e8d87530",
};

export interface LoadOptions {
  /** A folder with the data set; if given, no other place is searched. */
  readonly directory?: string | undefined;
  readonly archive?: Published;
  /** Receives one line for the user. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** Called before a download; absent if the user asked for it. */
  readonly confirm?: Confirm | undefined;
  /** Time without data after which a download fails, in milliseconds. */
  readonly silenceMs?: number;
}

/** Images and their source. */
export interface LoadedImages extends Images {
  readonly source: "CIFAR-10" | "synthetic";
  /** The reason why they are synthetic; to be reported with every result on them. */
  readonly note?: string;
}

const COST = { title: "the images of CIFAR-10", downloadBytes: 170e6, buildSeconds: 5 };

/** Bytes for the archive of 170 MB and its content of 184 MB. */
const SPACE = 400_000_000;

/**
 * Loads the first images of CIFAR-10: from a folder, from the user's cache, or downloaded into it, once. They are
 * synthetic only if the network is unreachable, or the user does not agree to the download.
 * @throws DataError if files are invalid, or the download fails halfway
 * @throws Unavailable if there is no space for it
 */
export async function loadImages(count: number, options: LoadOptions): Promise<LoadedImages> {
  const { directory, archive = CIFAR10 } = options;
  if (directory !== undefined) return { source: "CIFAR-10", ...(await readFolder(directory, count)) };
  try {
    return { source: "CIFAR-10", ...(await readFolder(await ensureCached(archive, options), count)) };
  } catch (error) {
    if (!(error instanceof Unreachable || error instanceof Refused)) throw error;
    const note = `images are synthetic: ${error.message}; CIFAR10_DIR names a folder with CIFAR-10's binary version`;
    return { source: "synthetic", note, ...syntheticImages(count) };
  }
}

async function ensureCached(
  archive: Published,
  { say, signal, confirm, ...patience }: LoadOptions,
): Promise<string> {
  const name = `cifar-10-binary-${archive.md5.slice(0, 8)}`;
  const found = await inspect(name);
  if (found.state === "complete") return found.folder;
  const partial = join(cacheRoot(), `${name}.tar.gz`);
  const build = async (folder: string) => {
    say(`CIFAR-10: downloading ${archive.url}`);
    await download(archive, partial, { signal, progress: percentages(say), ...patience });
    // The library skips paths that lead out of the folder.
    await extract({
      file: partial,
      cwd: folder,
      strip: 1,
      filter: (path) => /\/data_batch_[1-5]\.bin$/.test(path),
    });
    await readFolder(folder, 1);
    await rm(partial, { force: true });
  };
  return await provide({ name, space: SPACE, cost: COST, build }, { progress: say, signal, confirm });
}

/** Reports a line for every tenth. */
function percentages(say: (line: string) => void): (bytes: number, of: number | undefined) => void {
  let said = -1;
  return (bytes, of) => {
    const tenth = of ? Math.floor((10 * bytes) / of) : Math.floor(bytes / 17e6);
    if (tenth === said) return;
    said = tenth;
    say(`CIFAR-10: ${(bytes / 1e6).toFixed(0)}${of ? ` of ${(of / 1e6).toFixed(0)}` : ""} MB`);
  };
}

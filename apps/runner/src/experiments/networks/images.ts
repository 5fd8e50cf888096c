import { createHash } from "node:crypto";
import { Unavailable } from "@softmax-bench/core";
import { CIFAR10, DataError, type LoadedImages, loadImages } from "@softmax-bench/networks";
import type { DepthSettings } from "../../results/journal/entries.js";
import { type Console, writeLine } from "../../terminal/console.js";
import { UsageError } from "../../terminal/errors.js";

/** The images that networks see, and their description in the results. */
export interface DescribedImages {
  readonly images: LoadedImages;
  readonly description: DepthSettings["images"];
}

/**
 * Returns CIFAR-10's first images, or synthetic ones. CIFAR-10 comes from the folder in `CIFAR10_DIR`, the cache, its
 * home page or `CIFAR10_URL`.
 * @throws UsageError if they are not the expected ones, or there is no room for them.
 */
export async function describedImages(count: number, { stderr, signal }: Console): Promise<DescribedImages> {
  const say = (line: string) => writeLine(stderr, line);
  try {
    const { CIFAR10_DIR: directory, CIFAR10_URL: url = CIFAR10.url } = process.env;
    checkAddress(url);
    const archive = { ...CIFAR10, url };
    const images = await loadImages(count, { directory: directory || undefined, archive, say, signal });
    const { source, note, pixels, labels } = images;
    if (note) say(note);
    const digest = createHash("sha256").update(pixels).update(labels).digest("hex");
    return { images, description: { source, ...(note ? { note } : {}), digest: `sha256:${digest}` } };
  } catch (error) {
    if (error instanceof DataError) throw new UsageError(error.message);
    if (error instanceof Unavailable) throw new UsageError(`${error.message}; ${error.remedy}`);
    throw error;
  }
}

/** @throws UsageError; names and passwords in an address would end up in results and reports */
function checkAddress(url: string): void {
  const { protocol, username, password } = URL.canParse(url) ? new URL(url) : { protocol: "" };
  if (username || password)
    throw new UsageError("CIFAR10_URL takes an address without user name and password");
  if (protocol !== "http:" && protocol !== "https:") {
    throw new UsageError(`CIFAR10_URL takes an address such as ${CIFAR10.url}, got ${JSON.stringify(url)}`);
  }
}

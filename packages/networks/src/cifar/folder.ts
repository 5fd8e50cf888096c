import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, plural } from "@softmax-bench/core";
import { DataError, type Images, parseRecords, RECORD_BYTES } from "./records.js";

/** A batch of the data set, or its first images. */
const BATCH = /^data_batch_([1-5])(?:\.first([1-9]\d{0,4}))?\.bin$/;
const IMAGES_PER_BATCH = 10_000;

/**
 * The first images in a folder with CIFAR-10's binary version: `data_batch_1.bin` … `data_batch_5.bin`, or
 * `data_batch_<n>.first<m>.bin` with the first m images of a batch.
 * @throws DataError if folder or files are missing, a size does not match a file's name, or there are too few images
 */
export async function readFolder(folder: string, count: number): Promise<Images> {
  const names = largestOfEach((await namesIn(folder)).filter((name) => BATCH.test(name)));
  if (names.length === 0) {
    throw new DataError(
      `${folder} has no data_batch_1.bin; expected the binary version of CIFAR-10, unpacked`,
    );
  }
  const parts: Images[] = [];
  let missing = count;
  for (const name of names) {
    if (missing === 0) break;
    const part = await readBatch(join(folder, name), name, missing);
    parts.push(part);
    missing -= part.labels.length;
  }
  if (missing > 0)
    throw new DataError(`${folder} has ${plural(count - missing, "image")}, ${count} are needed`);
  return concatImages(parts);
}

const imagesIn = (name: string): number => Number(BATCH.exec(name)?.[2] ?? IMAGES_PER_BATCH);

/** Among files with the same batch or a part of it, keeps the one with most images. */
function largestOfEach(names: readonly string[]): string[] {
  const largest = new Map<string, string>();
  for (const name of names.toSorted((a, b) => imagesIn(a) - imagesIn(b))) {
    largest.set(BATCH.exec(name)?.[1] ?? name, name);
  }
  return [...largest.values()].sort();
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw new DataError(`${folder} cannot be read: ${messageOf(error)}`);
  }
}

async function readBatch(file: string, name: string, most: number): Promise<Images> {
  const images = imagesIn(name);
  const found = await stat(file).catch((error) => {
    throw new DataError(`${file} cannot be read: ${messageOf(error)}`);
  });
  // Opening a pipe would block until a process writes to it.
  if (!found.isFile())
    throw new DataError(`${file} is not a file; expected ${images} images of ${RECORD_BYTES} bytes`);
  const { size } = found;
  if (size !== images * RECORD_BYTES) {
    throw new DataError(
      `${file} has ${size} bytes, expected ${images * RECORD_BYTES}: ${images} images of ${RECORD_BYTES} bytes`,
    );
  }
  const count = Math.min(images, most);
  await using handle = await open(file);
  const bytes = new Uint8Array(count * RECORD_BYTES);
  await handle.read(bytes, 0, bytes.length, 0);
  return parseRecords(bytes, count, file);
}

function concatImages(parts: readonly Images[]): Images {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const pixels = new Float32Array(parts.reduce((sum, part) => sum + part.pixels.length, 0));
  const labels = new Uint8Array(parts.reduce((sum, part) => sum + part.labels.length, 0));
  let [pixel, label] = [0, 0];
  for (const part of parts) {
    pixels.set(part.pixels, pixel);
    labels.set(part.labels, label);
    pixel += part.pixels.length;
    label += part.labels.length;
  }
  return { pixels, labels };
}

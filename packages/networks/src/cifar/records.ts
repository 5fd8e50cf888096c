/** Images `[N, 3, 32, 32]` with values from −1 to 1, and their labels, 0 to 9. */
export interface Images {
  readonly pixels: Float32Array;
  readonly labels: Uint8Array;
}

/** An invalid file of images; the message says what was expected. */
export class DataError extends Error {
  override readonly name = "DataError";
}

const PIXELS = 3 * 32 * 32;
/** Size of a record in CIFAR-10's binary version: one byte for the label, then the red, green and blue plane. */
export const RECORD_BYTES = 1 + PIXELS;
const CLASSES = 10;

/**
 * The first images of a file.
 * @param file name for messages
 * @throws DataError if there are fewer, or a label is invalid
 */
export function parseRecords(bytes: Uint8Array, count: number, file: string): Images {
  if (bytes.length < count * RECORD_BYTES) {
    throw new DataError(`${file} has ${bytes.length} bytes; ${count} images need ${count * RECORD_BYTES}`);
  }
  const pixels = new Float32Array(count * PIXELS);
  const labels = new Uint8Array(count);
  for (let image = 0; image < count; image++) {
    const start = image * RECORD_BYTES;
    const label = bytes[start] as number;
    if (label >= CLASSES) {
      throw new DataError(
        `${file}: image ${image} has label ${label}; labels of CIFAR-10 are 0 to ${CLASSES - 1}`,
      );
    }
    labels[image] = label;
    for (let at = 0; at < PIXELS; at++)
      pixels[image * PIXELS + at] = (bytes[start + 1 + at] as number) / 127.5 - 1;
  }
  return { pixels, labels };
}

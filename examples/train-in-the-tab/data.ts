/** Numbers for a model's input, and a label for each row or position. */
export interface Batch {
  readonly input: Float32Array | Int32Array;
  readonly labels: Int32Array;
}

/** Batches to train on, without end, and some that are kept out of training. */
export interface Data {
  next(): Batch;
  readonly heldOut: readonly Batch[];
}

/** A file that is not what was expected; the message is one line. */
export class FileError extends Error {
  override readonly name = "FileError";
}

/** Classes of CIFAR-10. */
export const CLASSES = 10;
/** Channels, height and width of its images. */
export const IMAGE = [3, 32, 32] as const;

const SIDE = 32;
const PIXELS = 3 * SIDE ** 2;
/** Bytes of an image in CIFAR-10's binary files: its label, then the red, green and blue plane. */
const RECORD = 1 + PIXELS;

const HELD_OUT_BATCHES = 4;

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Images in the format of CIFAR-10's binary files. Direction and colour of an image's stripes tell its class, under
 * noise. Neighbouring classes overlap, so that no network can tell all images.
 */
export function generateImages(count = 1000, seed = 1): Uint8Array {
  const random = uniform(seed);
  const records = new Uint8Array(count * RECORD);
  for (let start = 0; start < records.length; start += RECORD) {
    const label = Math.floor(random() * CLASSES);
    const turn = (label + 1.4 * (random() - 0.5)) / CLASSES;
    const [dx, dy, phase] = [Math.cos(Math.PI * turn), Math.sin(Math.PI * turn), 2 * Math.PI * random()];
    records[start] = label;
    for (let pixel = 0; pixel < PIXELS; pixel++) {
      const [x, y] = [pixel % SIDE, Math.floor(pixel / SIDE) % SIDE];
      const plane = Math.floor(pixel / SIDE ** 2);
      const stripes = Math.cos(0.6 * (x * dx + y * dy) + phase);
      const colour = Math.cos(2 * Math.PI * (turn + plane / 3));
      records[start + 1 + pixel] = 128 + 30 * stripes + 20 * colour + 120 * (random() - 0.5);
    }
  }
  return records;
}

/**
 * Batches of images, `[batch, 3, 32, 32]` from −1 to 1. The last images are kept out of training.
 * @param records images in the format of CIFAR-10's binary files
 * @throws FileError if they are not, or fewer than five batches
 */
export function imageData(records: Uint8Array, batch: number): Data {
  const count = records.length / RECORD;
  if (!Number.isInteger(count)) {
    throw new FileError(
      `expected a batch file of CIFAR-10's binary version, ${RECORD} bytes for each image, got ${records.length} bytes`,
    );
  }
  const trained = count - HELD_OUT_BATCHES * batch;
  if (trained < batch) {
    throw new FileError(
      `expected ${(HELD_OUT_BATCHES + 1) * batch} images or more for batches of ${batch}, got ${count}`,
    );
  }
  const labelOf = (image: number) => records[image * RECORD] as number;
  for (let image = 0; image < count; image++) {
    if (labelOf(image) >= CLASSES) {
      throw new FileError(`expected labels from 0 to 9, got ${labelOf(image)} for image ${image}`);
    }
  }
  const read = (imageAt: (row: number) => number): Batch => {
    const [input, labels] = [new Float32Array(batch * PIXELS), new Int32Array(batch)];
    for (let row = 0; row < batch; row++) {
      const image = imageAt(row);
      labels[row] = labelOf(image);
      const start = image * RECORD + 1;
      for (let pixel = 0; pixel < PIXELS; pixel++) {
        input[row * PIXELS + pixel] = (records[start + pixel] as number) / 127.5 - 1;
      }
    }
    return { input, labels };
  };
  const random = uniform(2);
  return {
    next: () => read(() => Math.floor(random() * trained)),
    heldOut: heldOutBatches((at) => read((row) => trained + at * batch + row)),
  };
}

const heldOutBatches = (batchAt: (at: number) => Batch): Batch[] =>
  Array.from({ length: HELD_OUT_BATCHES }, (_, at) => batchAt(at));

/** Sizes of batches of text. */
export interface TextSizes {
  readonly batch: number;
  /** Characters of a row. */
  readonly length: number;
  /** Different characters. */
  readonly vocabulary: number;
}

/**
 * Batches of text, `[batch, length]`, with the next character as the label of each. Characters are numbered by how
 * frequent they are; those that the vocabulary has no room for share its last number. The last tenth of the text is kept
 * out of training.
 * @throws FileError if the text is too short
 */
export function textData(text: string, { batch, length, vocabulary }: TextSizes): Data {
  const characters = [...text];
  const counts = new Map<string, number>();
  for (const character of characters) counts.set(character, (counts.get(character) ?? 0) + 1);
  const frequent = [...counts].sort(([, a], [, b]) => b - a).slice(0, vocabulary - 1);
  const numbers = new Map(frequent.map(([character], number) => [character, number]));
  const tokens = Int32Array.from(characters, (character) => numbers.get(character) ?? vocabulary - 1);

  const trained = Math.floor(0.9 * tokens.length);
  const [places, heldOutPlaces] = [trained - length, tokens.length - trained - length];
  if (heldOutPlaces < 1) {
    throw new FileError(
      `expected a text of ${10 * (length + 1)} characters or more, got ${characters.length}`,
    );
  }
  const read = (startAt: (row: number) => number): Batch => {
    const [input, labels] = [new Int32Array(batch * length), new Int32Array(batch * length)];
    for (let row = 0; row < batch; row++) {
      const start = startAt(row);
      input.set(tokens.subarray(start, start + length), row * length);
      labels.set(tokens.subarray(start + 1, start + 1 + length), row * length);
    }
    return { input, labels };
  };
  const random = uniform(2);
  const rows = HELD_OUT_BATCHES * batch;
  return {
    next: () => read(() => Math.floor(random() * places)),
    heldOut: heldOutBatches((at) =>
      read((row) => trained + Math.floor(((at * batch + row) / rows) * heldOutPlaces)),
    ),
  };
}

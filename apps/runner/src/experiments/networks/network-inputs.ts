import type { FloatDType, StepInputs } from "@softmax-bench/core";
import { floatArrayFrom } from "@softmax-bench/core";
import { sizeOf } from "@softmax-bench/graph";
import type { NetworkSpec } from "@softmax-bench/measure";
import { IMAGE_SHAPE, type Images, initialize, network } from "@softmax-bench/networks";
import type { DepthSettings } from "../../results/journal/entries.js";

/** The total number of images in the batches of training. */
const TRAINING_IMAGES = 960;
const PIXELS = sizeOf(IMAGE_SHAPE);

/** The number of training batches: at most one per step. */
const countBatches = ({ batch, training }: Pick<DepthSettings, "batch" | "training">): number =>
  training ? Math.min(training.steps, Math.max(1, Math.floor(TRAINING_IMAGES / batch))) : 0;

/** The number of images for an experiment: enough batches for every seed and for training. */
export const imagesNeeded = (settings: Pick<DepthSettings, "batch" | "seeds" | "training">): number =>
  settings.batch * Math.max(settings.seeds, countBatches(settings));

/** The inputs of an experiment's networks: the same on every backend. */
export class NetworkInputs {
  readonly #settings: DepthSettings;
  readonly #images: Images;

  constructor(settings: DepthSettings, images: Images) {
    this.#settings = settings;
    this.#images = images;
  }

  toSpec(depth: number, dtype: FloatDType): NetworkSpec {
    const { network: id, batch } = this.#settings;
    return { id, depth, batch, dtype };
  }

  /** Steps on the weights and the batch of each seed. */
  steps(depth: number, dtype: FloatDType): StepInputs[] {
    return Array.from({ length: this.#settings.seeds }, (_, seed) => this.#step(depth, dtype, seed, seed));
  }

  /** Steps on the weights of the first seed and each batch of training. */
  training(depth: number, dtype: FloatDType): StepInputs[] {
    return Array.from({ length: countBatches(this.#settings) }, (_, batch) =>
      this.#step(depth, dtype, 0, batch),
    );
  }

  /** Weights are rounded to float32 in either dtype, so that both compute the same gradient. */
  #step(depth: number, dtype: FloatDType, seed: number, batch: number): StepInputs {
    const { network: id, batch: size } = this.#settings;
    const { pixels, labels } = this.#images;
    const inDtype = (values: Float32Array) => floatArrayFrom(dtype, values);
    const weights = [...initialize(network(id, depth, size, "float32"), seed)].map(
      ([name, { data }]) => [name, inDtype(data as Float32Array)] as const,
    );
    const [start, end] = [batch * size, (batch + 1) * size];
    return {
      values: {
        ...Object.fromEntries(weights),
        images: inDtype(pixels.subarray(start * PIXELS, end * PIXELS)),
      },
      labels: Int32Array.from(labels.subarray(start, end)),
    };
  }
}

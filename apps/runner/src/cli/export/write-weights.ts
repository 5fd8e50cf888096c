import { isSystemError, messageOf, plural } from "@softmax-bench/core";
import type { Tensor } from "@softmax-bench/graph";
import { parseSafetensors, SafetensorsError } from "@softmax-bench/npy";
import { type AdapterOptions, ModelError, mergeAdapters } from "@softmax-bench/onnx";
import { loadModel, saveWeights } from "@softmax-bench/onnx/node";
import { readRegularFile } from "../../fs/read-regular-file.js";
import { UsageError } from "../../terminal/errors.js";

/** More than Node reads into one array. */
const MAX_BYTES = 2 ** 32;

/**
 * Writes a model with the weights of a `.safetensors` file as another file, and returns what was done in words.
 *
 * @param adapters low-rank adapters that the file has in place of weights
 * @throws UsageError in one line naming the file that is wrong
 */
export function writeWeights(
  model: string,
  weights: string,
  out: string,
  adapters: AdapterOptions | undefined,
): string {
  const read = readWeights(weights);
  try {
    saveWeights(model, adapters ? mergeAdapters(loadModel(model), read, adapters.scale) : read, out);
  } catch (error) {
    if (error instanceof ModelError) throw new UsageError(`--model ${model}: ${error.message}`);
    throw isSystemError(error) ? new UsageError(`cannot write --out ${out}: ${error.message}`) : error;
  }
  return `wrote ${out}: ${model} with ${plural(read.size, "tensor")} of ${weights}`;
}

function readWeights(file: string): Map<string, Tensor> {
  try {
    const tensors = parseSafetensors(readRegularFile(file, MAX_BYTES));
    // Types that no model has are refused where they are compared with the stored ones.
    return new Map(Array.from(tensors, ([name, stored]) => [name, stored.read() as Tensor]));
  } catch (error) {
    if (!(error instanceof SafetensorsError || error instanceof UsageError || isSystemError(error)))
      throw error;
    const isMissing = isSystemError(error) && error.code === "ENOENT";
    throw new UsageError(
      `--write-back ${file}: ${isMissing ? "there is no such file" : messageOf(error)}; expected a .safetensors file`,
    );
  }
}

import { elementOf } from "../dtype.js";
import type { NpyArray } from "../parse.js";
import { dtypeOf, readTensorInfos } from "./header.js";

/** A tensor in a file. */
export interface StoredTensor {
  /** The sizes, outermost first; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** Copies its elements. @throws SafetensorsError if they are of a type that is not read, such as F8_E4M3. */
  read(): NpyArray;
}

/**
 * Reads the header of a `.safetensors` file (github.com/huggingface/safetensors, "Format"): the tensors by name. A tensor
 * is copied when it is read.
 * @throws SafetensorsError if the bytes are anything else, or too few, or too many.
 */
export function parseSafetensors(bytes: Uint8Array): ReadonlyMap<string, StoredTensor> {
  const { infos, dataOffset } = readTensorInfos(bytes);
  return new Map(
    infos.map((info) => {
      const { name, shape, begin, end } = info;
      const read = (): NpyArray => {
        const element = elementOf(dtypeOf(info));
        // Not bytes.slice: for a Buffer it does not copy, and the memory starts elsewhere.
        const copy: Uint8Array<ArrayBuffer> = new Uint8Array(
          bytes.subarray(dataOffset + begin, dataOffset + end),
        );
        const data = element.view(copy.buffer, (end - begin) / element.size);
        return { dtype: element.dtype, shape, data };
      };
      return [name, { shape, read }];
    }),
  );
}

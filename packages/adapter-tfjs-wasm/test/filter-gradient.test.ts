import { tfjsWasm } from "@softmax-bench/adapter-tfjs-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";

beforeAll(async () => {
  await tfjsWasm.open({ threads: 1 });
});

const wave = (length: number, step: number) =>
  Float32Array.from({ length }, (_, index) => Math.sin(step * (index + 1)));

interface Case {
  readonly x: [number, number, number, number];
  readonly filter: [number, number, number, number];
  readonly strides: [number, number];
  readonly pad: "same" | "valid" | [[0, 0], [number, number], [number, number], [0, 0]];
}

const CASES: Readonly<Record<string, Case>> = {
  valid: { x: [2, 5, 6, 3], filter: [3, 2, 3, 4], strides: [1, 1], pad: "valid" },
  "same, with strides": { x: [2, 7, 6, 2], filter: [3, 3, 2, 5], strides: [2, 3], pad: "same" },
  "explicit pads": {
    x: [1, 4, 5, 2],
    filter: [2, 3, 2, 3],
    strides: [1, 2],
    pad: [
      [0, 0],
      [1, 0],
      [0, 2],
      [0, 0],
    ],
  },
  "a filter of one place": { x: [3, 4, 4, 2], filter: [1, 1, 2, 6], strides: [1, 1], pad: "valid" },
};

/** Σ x dy over all places, as the definition says. */
function expected(
  { x, filter, strides }: Case,
  padded: Float32Array,
  dy: Float32Array,
  out: readonly number[],
  shape: readonly number[],
) {
  const [height, width, inputs, outputs] = filter;
  const gradient = new Float64Array(height * width * inputs * outputs);
  const [, rows = 0, columns = 0] = out;
  const [, , paddedWidth = 0] = shape;
  const paddedHeight = shape[1] as number;
  for (let n = 0; n < x[0]; n++)
    for (let oy = 0; oy < rows; oy++)
      for (let ox = 0; ox < columns; ox++)
        for (let at = 0; at < gradient.length; at++) {
          const o = at % outputs;
          const c = Math.floor(at / outputs) % inputs;
          const kx = Math.floor(at / (outputs * inputs)) % width;
          const ky = Math.floor(at / (outputs * inputs * width));
          const [iy, ix] = [oy * strides[0] + ky, ox * strides[1] + kx];
          const element = padded[((n * paddedHeight + iy) * paddedWidth + ix) * inputs + c] as number;
          (gradient[at] as number) +=
            element * (dy[((n * rows + oy) * columns + ox) * outputs + o] as number);
        }
  return gradient;
}

describe("the gradient with respect to a convolution's filter, which the wasm backend lacks", () => {
  it.each(Object.entries(CASES))("%s", async (_, of) => {
    const before = tf.memory().numTensors;
    const x = tf.tensor4d(
      wave(
        of.x.reduce((a, b) => a * b),
        0.7,
      ),
      of.x,
    );
    const filter = tf.tensor4d(
      wave(
        of.filter.reduce((a, b) => a * b),
        1.3,
      ),
      of.filter,
    );
    const { outShape, padInfo } = tf.backend_util.computeConv2DInfo(of.x, of.filter, of.strides, 1, of.pad);
    const dy = tf.tensor4d(
      wave(
        outShape.reduce((a, b) => a * b),
        0.3,
      ),
      outShape,
    );
    const gradient = tf.grad((w: tf.Tensor) => tf.conv2d(x, w as tf.Tensor4D, of.strides, of.pad))(
      filter,
      dy,
    );
    const padded = tf.pad(x, [
      [0, 0],
      [padInfo.top, padInfo.bottom],
      [padInfo.left, padInfo.right],
      [0, 0],
    ]);
    const exact = expected(
      of,
      (await padded.data()) as Float32Array,
      (await dy.data()) as Float32Array,
      outShape,
      padded.shape,
    );
    expect(gradient.shape).toEqual(of.filter);
    for (const [index, value] of (await gradient.data()).entries()) {
      expect(Math.abs(value - (exact[index] as number))).toBeLessThanOrEqual(1e-5);
    }
    tf.dispose([x, filter, dy, gradient, padded]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("leaves nothing behind", () => {
    const count = () => tf.backend().numDataIds();
    const step = () =>
      tf.tidy(() => {
        const x = tf.ones<tf.Rank.R4>([1, 5, 5, 2]);
        tf.grad((w: tf.Tensor) => tf.sum(tf.conv2d(x, w as tf.Tensor4D, 1, "same")))(tf.ones([3, 3, 2, 2]));
      });
    step();
    const before = count();
    for (let time = 0; time < 5; time++) step();
    expect(count()).toBe(before);
  });
});

import { expect, it } from "vitest";
import { createKernelTraining, createLibraryTraining } from "./training.js";

it("trains as with the loss of ONNX Runtime", async () => {
  const shape = { rows: 16, inputs: 8, classes: 50 };
  const [library, kernel] = [await createLibraryTraining(shape), await createKernelTraining(shape)];
  const losses = [];
  for (let step = 0; step < 100; step++) {
    losses.push(await kernel());
    expect(Math.abs(losses[step] - (await library()))).toBeLessThan(1e-4);
  }
  expect(losses.at(-1)).toBeLessThan(losses[0]);
});

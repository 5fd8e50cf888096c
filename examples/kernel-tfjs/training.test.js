import { expect, it } from "vitest";
import { createTraining, kernelLoss, libraryLoss } from "./training.js";

it("trains as with the loss of TensorFlow.js", async () => {
  const shape = { rows: 16, inputs: 8, classes: 50 };
  const steps = [createTraining(shape, libraryLoss(shape)), createTraining(shape, await kernelLoss())];
  const losses = steps.map((step) => Array.from({ length: 100 }, step));
  const [library, kernel] = losses;
  kernel.forEach((loss, step) => {
    expect(Math.abs(loss - library[step])).toBeLessThan(1e-4);
  });
  expect(kernel.at(-1)).toBeLessThan(kernel[0]);
});

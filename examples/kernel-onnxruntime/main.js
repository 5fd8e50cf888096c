import { createKernelTraining, createLibraryTraining } from "./training.js";

/** The last layer of a small language model. */
const SHAPE = { rows: 128, inputs: 64, classes: 10_000 };
/** Steps before those that count: code is still being optimised. */
const WARM_UP = 20;
const STEPS = 60;

const trainings = {
  SoftmaxCrossEntropyLoss: await createLibraryTraining(SHAPE),
  "the kernel": await createKernelTraining(SHAPE),
};

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

// In turns: what else the machine does meets both.
const runs = Object.entries(trainings).map(([name, step]) => ({ name, step, losses: [], times: [] }));
for (let count = 0; count < WARM_UP + STEPS; count++) {
  for (const { step, losses, times } of runs) {
    const start = performance.now();
    losses.push(await step());
    if (count >= WARM_UP) times.push(performance.now() - start);
  }
}

for (const { name, losses, times } of runs) {
  const [first, last] = [losses[0], losses.at(-1)].map((loss) => loss.toFixed(4));
  console.log(`${name}: loss ${first} to ${last}, ${median(times).toFixed(1)} ms a step`);
}
const [library, kernel] = runs.map(({ times }) => median(times));
console.log(`a step takes ${(kernel / library).toFixed(2)} of the time`);
process.exit();

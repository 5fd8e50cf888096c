import { setTimeout } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import { compute, divide } from "../dist/modules/compute.js";
import { compile, createMemory, DTYPE_CODES, instantiate } from "../dist/modules/module.js";
import { Team } from "../dist/modules/team.js";

const module = await compile();
const memory = createMemory(600);
const kernel = await instantiate(module, memory);
const team = await Team.start(module, memory, 2);
afterAll(() => team.stop(kernel));

it("has the other thread's help, whether it looks out for work or sleeps", async () => {
  const [rows, classes] = [8192, 1024];
  const logits = 65536;
  const labels = logits + rows * classes * 4;
  const losses = labels + rows * 4;
  const done = losses + rows * 8;
  const scratch = done + 64;
  const division = divide(rows, classes, 2, true);
  kernel.describe(DTYPE_CODES.float32, rows, classes, labels, 0, 0, losses, 1, 0, false, 0, true, false);
  kernel.place(logits, rows, 0, rows, 0, rows);
  kernel.divide(division.chunk, division.slots, done, scratch, 0);
  // Without a gradient, exponentials go to each thread's scratch.
  const own = new Float32Array(memory.buffer, scratch + kernel.scratchSize(classes, false), classes - 1);
  for (const pauseMs of [0, 20]) {
    let helped = 0;
    // A busy machine may not let it run in time, now and then.
    for (let time = 0; time < 1000 && helped < 2; time++) {
      own.fill(0);
      await setTimeout(pauseMs);
      compute(kernel, team, division);
      if (own.includes(1)) helped++;
    }
    expect(helped).toBe(2);
  }
});

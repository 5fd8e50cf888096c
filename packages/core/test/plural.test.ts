import { plural } from "@softmax-bench/core";
import { expect, it } from "vitest";

it.each([
  [0, "run", undefined, "0 runs"],
  [1, "run", undefined, "1 run"],
  [2, "run", undefined, "2 runs"],
  [1, "process", "processes", "1 process"],
  [3, "process", "processes", "3 processes"],
])("%d of a %s", (count, noun, many, expected) => {
  expect(plural(count, noun, many)).toBe(expected);
});

import "@softmax-bench/conformance/vitest";
import { expect, it } from "vitest";
import { myGradient } from "./my-gradient.ts";

it("is within 4 ULP of the exact gradient", () => {
  expect(myGradient).toMatchOracle({ maxUlp: 4 });
});

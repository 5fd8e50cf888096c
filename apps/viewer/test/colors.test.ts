import * as Plot from "@observablehq/plot";
import { describe, expect, it } from "vitest";
import { categoricalColor } from "../src/model/colors.js";

describe("the colors of names", () => {
  it.each([1, 9, 10, 11, 30])("differ: %i of them", (count) => {
    const domain = Array.from({ length: count }, (_, index) => `backend-${index}`);
    const { apply } = Plot.scale({ color: { ...categoricalColor(domain), domain } });
    expect(new Set(domain.map((name) => apply(name))).size).toBe(count);
  });
});

import { describe, expect, it } from "vitest";
import { colorOf, colorsOf } from "../src/model/colors.js";

describe("the colors of names", () => {
  it.each([1, 9, 10, 11, 30])("differ: %i of them", (count) => {
    const names = Array.from({ length: count }, (_, index) => `backend-${index}`);
    const { domain, range } = colorsOf(names);
    expect(domain).toEqual(names);
    expect(new Set(range).size).toBe(count);
  });

  it("are the same whatever the other names are", () => {
    const all = colorsOf(["wasm-simd", "jax-js", "tfjs-wasm"]);
    expect(colorsOf(["tfjs-wasm"]).range).toEqual([all.range[2]]);
  });

  it("are far apart for this project's own backends", () => {
    const families = {
      tfjs: ["wasm", "node-gpu", "cpu", "webgl", "webgpu"],
      onnxruntime: ["cpu", "cuda", "webgpu", "web"],
    };
    const names = [
      ...Object.entries(families).flatMap(([family, kinds]) => kinds.map((kind) => `${family}-${kind}`)),
      ...["jax-js", "wasm-simd", "pytorch", "jax"],
    ];
    const places = names.map((name) => {
      const [lightness = 0, chroma = 0, hue = 0] = (colorOf(name).match(/[\d.]+/g) ?? []).map(Number);
      const angle = (hue * Math.PI) / 180;
      return [lightness, chroma * Math.cos(angle), chroma * Math.sin(angle)];
    });
    const distances = places.flatMap((a, i) =>
      places.slice(i + 1).map((b) => Math.hypot(...a.map((value, axis) => value - (b[axis] ?? 0)))),
    );
    // In OKLab 0.02 is just noticeable.
    expect(Math.min(...distances)).toBeGreaterThan(0.05);
  });
});

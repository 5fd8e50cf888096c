import { describe, expect, it } from "vitest";
import { colorOf, colorScale } from "../src/model/colors.js";

/** The backends that this project has. */
const OWN = [
  ...["wasm", "node-gpu", "cpu", "webgl", "webgpu"].map((kind) => `tfjs-${kind}`),
  ...["cpu", "cuda", "webgpu", "web"].map((kind) => `onnxruntime-${kind}`),
  ...["jax-js", "jax-js-webgl", "jax-js-webgpu", "wasm-simd", "pytorch", "jax"],
];

describe("the colors of names", () => {
  it.each([1, 9, 10, 11, 30])("differ: %i of them", (count) => {
    const names = Array.from({ length: count }, (_, index) => `backend-${index}`);
    const { domain, range } = colorScale(names);
    expect(domain).toEqual(names);
    expect(new Set(range).size).toBe(count);
  });

  it("are the same whatever the other names are", () => {
    const all = colorScale(["wasm-simd", "jax-js", "tfjs-wasm"]);
    expect(colorScale(["tfjs-wasm"]).range).toEqual([all.range[2]]);
  });

  it("are far apart for this project's own backends", () => {
    const places = OWN.map((name) => {
      const [lightness, a, b] = toOklab(colorOf(name));
      return [lightness, a, b];
    });
    const distances = places.flatMap((a, i) =>
      places.slice(i + 1).map((b) => Math.hypot(...a.map((value, axis) => value - (b[axis] ?? 0)))),
    );
    // In OKLab 0.02 is just noticeable.
    expect(Math.min(...distances)).toBeGreaterThan(0.05);
  });

  it.each(OWN)("have a contrast of 3 to 1 with white and with the dark page: %s", (name) => {
    const luminance = luminanceOf(toOklab(colorOf(name)));
    expect(1.05 / (luminance + 0.05)).toBeGreaterThanOrEqual(3);
    // #14161a has a relative luminance of 0.008.
    expect((luminance + 0.05) / 0.058).toBeGreaterThanOrEqual(3);
  });
});

type Lab = readonly [lightness: number, a: number, b: number];

function toOklab(color: string): Lab {
  const [lightness = 0, chroma = 0, hue = 0] = (color.match(/[\d.]+/g) ?? []).map(Number);
  const angle = (hue * Math.PI) / 180;
  return [lightness, chroma * Math.cos(angle), chroma * Math.sin(angle)];
}

/** Relative luminance (WCAG 2) by the matrices of OKLab (Ottosson 2020). */
function luminanceOf([lightness, a, b]: Lab): number {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const [red = 0, green = 0, blue = 0] = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((channel) => Math.min(1, Math.max(0, channel)));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "./root.js";

/** Runtimes and operators have limits of their own, by dtype; everything else goes by the table in core. */
const RUNTIMES = /^packages\/(?:adapter-[\w-]+|graph|jax|onnx|onnxruntime|tfjs|wasm-simd)\//;

const SOURCES = ["packages", "apps"].flatMap((group) =>
  readdirSync(join(ROOT, group)).flatMap((name) => {
    const folder = join(group, name, "src");
    if (!existsSync(join(ROOT, folder))) return [];
    return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => /\.tsx?$/.test(file))
      .map((file) => join(folder, file));
  }),
);

describe("element types", () => {
  it("are told apart by the table DTYPES, not by ternaries on their names", () => {
    const found = SOURCES.filter((file) => !RUNTIMES.test(file)).flatMap((file) =>
      readFileSync(join(ROOT, file), "utf8")
        .split("\n")
        .flatMap((line, index) =>
          /[=!]==? "float(?:16|32|64)"\s*(?:\?|&&)/.test(line) ? [`${file}:${index + 1}`] : [],
        ),
    );
    expect(SOURCES.length).toBeGreaterThan(200);
    expect(found).toEqual([]);
  });
});

import { readFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { expect, it } from "vitest";

const file = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url));
const COMPRESSIONS = {
  gzip: (bytes: Buffer) => gzipSync(bytes, { level: 9 }).length,
  brotli: (bytes: Buffer) => brotliCompressSync(bytes).length,
} as const;

/** The most that a user's browser downloads: the library and one of the two builds, in bytes. */
const MOST = 25_000;

it.each(["gzip", "brotli"] as const)(
  "takes as much as the README says, and at most 25 kB, with %s",
  (name) => {
    const sizeOf = (path: string) => COMPRESSIONS[name](file(path));
    const library = sizeOf("dist/index.js");
    for (const build of ["simd", "relaxed-simd"]) {
      const total = library + sizeOf(`dist/${build}.js`);
      expect(total).toBeLessThanOrEqual(MOST);
      const row = new RegExp(`^\\| \`${build}\` .*$`, "m").exec(file("README.md").toString())?.[0] ?? "";
      const stated = row.split("|")[name === "gzip" ? 2 : 3]?.trim();
      expect(stated).toBe(`${(total / 1000).toFixed(1)} kB`);
    }
  },
);

it("has no builds in the library itself, and nothing that a page could not import", () => {
  const library = file("dist/index.js").toString();
  expect(library.length).toBeLessThan(40_000);
  const imports = library.match(/\b(?:import|from)\s*\(?\s*["'`][^"'`]+/g) ?? [];
  expect(imports.map((text) => text.replace(/^.*["'`]/, "")).sort()).toEqual([
    "./relaxed-simd.js",
    "./simd.js",
  ]);
});

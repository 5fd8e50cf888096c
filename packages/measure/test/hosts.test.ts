import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const SOURCES = fileURLToPath(new URL("../src/", import.meta.url));

describe("the measuring side", () => {
  it("names nothing that only Node has", () => {
    const names = /["']node:|\bprocess\.|\bBuffer\b|\brequire\(/;
    const found = readdirSync(SOURCES).filter((file) => names.test(readFileSync(SOURCES + file, "utf8")));
    expect(found).toEqual([]);
  });
});

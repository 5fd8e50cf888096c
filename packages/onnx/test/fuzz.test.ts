import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/** `pnpm fuzz`: in processes of limited memory and time, which may do nothing but read. */
const FUZZ = fileURLToPath(new URL("../../../tools/fuzz/dist/main.js", import.meta.url));

describe("a mutated ONNX model", () => {
  it("is read, or refused in words", () => {
    const { stdout, stderr } = spawnSync(process.execPath, [FUZZ, "onnx", "--inputs", "200"], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^onnx: \d+ seeds and 200 mutations, .*, 0 faults\n$/);
  });
});

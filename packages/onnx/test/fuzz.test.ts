import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/** `pnpm fuzz`: in processes of limited memory and time, which may do nothing but read. */
const FUZZ = fileURLToPath(new URL("../../../tools/fuzz/dist/main.js", import.meta.url));

describe("a mutated ONNX model", () => {
  it.each([
    ["is read, or refused in words", "onnx"],
    ["takes weights and keeps all its other bytes, or is refused in words", "write-back"],
  ])("%s", (_, target) => {
    const { stdout, stderr } = spawnSync(process.execPath, [FUZZ, target, "--inputs", "50"], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(stdout).toMatch(new RegExp(`^${target}: \\d+ seeds and 50 mutations, .*, 0 faults\n$`));
  });
});

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/** `pnpm fuzz`: in processes of limited memory and time. */
const FUZZ = fileURLToPath(new URL("../../../tools/fuzz/dist/main.js", import.meta.url));

const fuzz = (...args: string[]) => spawnSync(process.execPath, [FUZZ, ...args], { encoding: "utf8" });

describe("a mutated journal", () => {
  it("is read, or refused in words", () => {
    const { stdout, stderr } = fuzz("journal", "--inputs", "500");
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^journal: \d+ seeds and 500 mutations, .*, 0 faults\n$/);
  });
});

describe("a command on a mutated file", () => {
  it("ends in words, and writes where it is told to", () => {
    const { stdout, stderr } = fuzz("--commands", "3");
    expect(stderr).toBe("");
    expect(stdout).toBe("3 commands, 0 faults\n");
  });
});

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { floats, modelOf } from "./build-model.js";

const [LAYERS, WIDTH, ROWS] = [24, 64, 65_536];

it("takes less than half of the memory with checkpoints, and gives the same bits", {
  tags: "nightly",
}, () => {
  const weights = Array.from({ length: WIDTH ** 2 }, (_, index) => Math.sin(index * 78.233) / WIDTH);
  const model = modelOf({
    shape: [ROWS, WIDTH],
    nodes: Array.from({ length: LAYERS }, (_, at) => [
      { opType: "MatMul", input: [at === 0 ? "x" : `h${at}`, `w${at}`], output: [`m${at}`] },
      { opType: "Tanh", input: [`m${at}`], output: [at === LAYERS - 1 ? "y" : `h${at + 1}`] },
    ]).flat(),
    tensors: Array.from({ length: LAYERS }, (_, at) => floats(`w${at}`, [WIDTH, WIDTH], weights)),
  });
  const folder = mkdtempSync(join(tmpdir(), "memory-"));
  try {
    const file = join(folder, "net.onnx");
    writeFileSync(file, model);
    const script = fileURLToPath(new URL("memory/step.mjs", import.meta.url));
    const [plain, kept] = [[], ["--checkpoint", "auto"]].map((checkpoints) =>
      JSON.parse(
        execFileSync(process.execPath, ["--expose-gc", script, file, "2", ...checkpoints], {
          encoding: "utf8",
        }),
      ),
    );
    expect(kept.digest).toBe(plain.digest);
    expect(kept.checkpoints.length).toBeGreaterThan(2);
    expect(kept.peak).toBeLessThan(0.5 * plain.peak);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

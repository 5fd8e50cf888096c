import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { legalize } from "@softmax-bench/graph";
import { ONNXRUNTIME_CPU, serialize } from "@softmax-bench/onnx";
import { afterAll, describe, expect, it } from "vitest";
import { complaints, hasChecker } from "./onnx-checker.js";
import { SAMPLES } from "./samples.js";
import { graphOf, isMissing } from "./support.js";

describe.runIf(hasChecker)("the ONNX checker and shape inference", () => {
  const folder = mkdtempSync(join(tmpdir(), "onnx-checker-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("accept every operator with its gradient, as written and as legalised", () => {
    for (const [op, samples] of Object.entries(SAMPLES)) {
      for (const dtype of ["float32", "float64"] as const) {
        for (const [index, sample] of samples.entries()) {
          const graph = graphOf(sample, dtype);
          writeFileSync(join(folder, `${op}-${dtype}-${index}.onnx`), serialize(graph));
          if (isMissing(op, dtype)) continue;
          const legal = serialize(legalize(graph, ONNXRUNTIME_CPU));
          writeFileSync(join(folder, `${op}-${dtype}-${index}-legal.onnx`), legal);
        }
      }
    }
    expect(complaints(folder)).toBe("");
  });
});

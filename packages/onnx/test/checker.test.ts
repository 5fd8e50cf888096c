import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { legalize } from "@softmax-bench/graph";
import { ONNXRUNTIME_CPU, serialize } from "@softmax-bench/onnx";
import { afterAll, describe, expect, it } from "vitest";
import { SAMPLES } from "./samples.js";
import { graphOf } from "./support.js";

/** Debian's python3-onnx, or another onnx of 1.12 or later. It must be there in CI. */
const python = ["python3", "/usr/bin/python3"].find(
  (name) => spawnSync(name, ["-c", "import onnx"]).status === 0,
);

const CHECK = `
import glob, sys, onnx
from onnx import shape_inference
for path in sorted(glob.glob(sys.argv[1] + "/*.onnx")):
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
        shapes = lambda outputs: [[d.dim_value for d in o.type.tensor_type.shape.dim] for o in outputs]
        assert shapes(inferred.graph.output) == shapes(model.graph.output), "shapes"
    except Exception as error:
        print(path.rsplit("/")[-1], str(error)[:300])
`;

describe.runIf(python || process.env.CI)("the ONNX checker and shape inference", () => {
  const folder = mkdtempSync(join(tmpdir(), "onnx-checker-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("accept every operator with its gradient, as written and as legalised", () => {
    for (const [op, samples] of Object.entries(SAMPLES)) {
      for (const dtype of ["float32", "float64"] as const) {
        for (const [index, sample] of samples.entries()) {
          const graph = graphOf(sample, dtype);
          writeFileSync(join(folder, `${op}-${dtype}-${index}.onnx`), serialize(graph));
          if (op === "Erf" && dtype === "float64") continue;
          const legal = serialize(legalize(graph, ONNXRUNTIME_CPU));
          writeFileSync(join(folder, `${op}-${dtype}-${index}-legal.onnx`), legal);
        }
      }
    }
    const { stdout, stderr, status } = spawnSync(python ?? "python3", ["-c", CHECK, folder], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(stdout).toBe("");
    expect(status).toBe(0);
  }, 120_000);
});

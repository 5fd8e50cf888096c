import { spawnSync } from "node:child_process";

/** Debian's python3-onnx, or another onnx of 1.12 or later. It must be there in CI. */
const python = ["python3", "/usr/bin/python3"].find(
  (name) => spawnSync(name, ["-c", "import onnx"]).status === 0,
);

const CHECK = `
import glob, sys, onnx
from onnx import shape_inference
paths = sorted(glob.glob(sys.argv[1] + "/*.onnx"))
if not paths:
    print("there is no model in " + sys.argv[1])
for path in paths:
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
        shapes = lambda outputs: [[d.dim_value for d in o.type.tensor_type.shape.dim] for o in outputs]
        assert shapes(inferred.graph.output) == shapes(model.graph.output), "shapes"
    except Exception as error:
        print(path.rsplit("/")[-1], str(error)[:300])
`;

/** True if models can be checked here; in CI they must be. */
export const hasChecker = python !== undefined || Boolean(process.env.CI);

/** The complaints of the ONNX checker and of strict shape inference about the models in a folder, a line for each. */
export function complaints(folder: string): string {
  const args = ["-c", CHECK, folder];
  const { stdout, stderr, status } = spawnSync(python ?? "python3", args, { encoding: "utf8" });
  return status === 0 ? stdout : `${stdout}${stderr}`;
}

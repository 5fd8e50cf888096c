"""Cases of check.mjs for networks that are not PyTorch's."""

import json
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import numpy as np

from stored import Arrays, Origin, is_close, laid_out, largest_error, scaled, stored_tensors

BATCHES = (2, 3)
CLASSES = 5
# The largest change of gradients by rounding to float32 without a kink, and how often inputs are drawn to avoid one.
SMOOTH = 1e-5
DRAWS = 8


@dataclass(frozen=True)
class Trained:
    """A network in one precision: the loss and the gradient of each parameter for a batch."""

    parameters: dict[str, np.ndarray]
    loss_and_gradients: Callable[[dict[str, np.ndarray], np.ndarray], tuple[float, dict[str, np.ndarray]]]
    # What the exporter may store in place of parameters, as a function of the gradients.
    derived: Callable[[dict[str, np.ndarray]], list[Origin]] = field(default=lambda gradients: [])


@dataclass(frozen=True)
class Exported:
    """A network as an ONNX model, and in both precisions."""

    single: Trained
    double: Trained
    # For a batch size: the inputs by their names in the model.
    inputs: Callable[[int, np.random.Generator], dict[str, np.ndarray]]
    # The name of the input in `double.onnx`, if there is one.
    name_in_double: str = "x"

    def in_double(self, inputs):
        (value,) = inputs.values()
        return {self.name_in_double: value.astype(np.float64) if value.dtype.kind == "f" else value}


def match(path, trained, gradients):
    """For each stored tensor that comes from parameters: their names, and its gradient; and the shapes of all others."""
    whole = [Origin((name,), of.astype(np.float64), gradients[name]) for name, of in trained.parameters.items()]
    found, unknown = {}, {}
    for name, value in stored_tensors(path).items():
        same = next(((of.parameters, made) for of in whole if of.value.size == value.size for made in [laid_out(of, value)] if made is not None), None)
        if same is None:
            flat = ((of, laid_out(of, of.value, [range(of.value.ndim)])) for of in trained.derived(gradients) if of.value.size == value.size)
            same = next(((of.parameters, made.reshape(value.shape)) for of, made in flat if is_close(value.reshape(-1), of.value.reshape(-1))), None)
        if same is None:
            turned = [Origin(of.parameters, of.value.transpose(3, 2, 0, 1), of.gradient.transpose(3, 2, 0, 1)) for of in whole if of.value.ndim == 4]
            same = next(((of.parameters, made) for of in [*whole, *turned] for made in [scaled(of, value)] if made is not None), None)
        if same is None:
            unknown[name] = list(value.shape)
        else:
            found[name] = same
    return found, unknown


def write_case(out, name, family, exporter, export):
    """Exports a network into its folder, and returns whether that worked."""
    folder = Path(out) / name
    folder.mkdir(parents=True, exist_ok=True)
    listed = Path(out) / "kinds.json"
    kinds = json.loads(listed.read_text()) if listed.exists() else []
    listed.write_text(json.dumps([*kinds, *([] if name in kinds else [name])]))
    for stale in ("case.json", "result.json", "failure.txt"):
        (folder / stale).unlink(missing_ok=True)
    try:
        result = case_of(folder, export(folder / "model.onnx"))
    except Exception as error:
        (folder / "failure.txt").write_text(traceback.format_exc())
        print(f"{name}: not exported: {str(error)[:300]!r}", flush=True)
        return
    described = {"name": name, "family": family, "exporter": exporter, "open": ["batch"], "classAxis": 1, **result}
    (folder / "case.json").write_text(json.dumps(described))
    print(f"{name}: rounding {[of['rounding'] for of in result['cases']]}, missing {result['missing']}, unknown {result['unknown']}", flush=True)


def case_of(folder, exported):
    generator = np.random.default_rng(1)
    cases, known, unknown, trained = [], set(), {}, set()
    with Arrays(folder / "data.bin") as arrays:
        for batch in BATCHES:
            for _ in range(DRAWS):
                inputs = exported.inputs(batch, generator)
                labels = generator.integers(0, CLASSES, batch)
                loss, gradients = exported.double.loss_and_gradients(exported.in_double(inputs), labels)
                _, single = exported.single.loss_and_gradients(inputs, labels)
                rounding = largest_error(single, gradients)
                if rounding < SMOOTH:
                    break
            found, unknown = match(folder / "model.onnx", exported.double, gradients)
            known |= {parameter for names, _ in found.values() for parameter in names}
            trained |= {key for key, of in gradients.items() if np.abs(of).max() > 0}
            case = {
                "batch": batch,
                "labels": arrays.add(labels.astype(np.int64)),
                "loss": loss,
                "rounding": rounding,
                "inputs": {key: arrays.add(of) for key, of in inputs.items()},
                "gradients": {key: arrays.add(of.astype(np.float32)) for key, (_, of) in found.items()},
            }
            double = folder / "double.onnx"
            if rounding >= SMOOTH and double.exists():
                stored, _ = match(double, exported.double, gradients)
                wide = exported.in_double(inputs)
                case["double"] = {
                    "inputs": {key: arrays.add(of) for key, of in wide.items()},
                    "gradients": {key: arrays.add(of) for key, (_, of) in stored.items()},
                }
            cases.append(case)
    missing = sorted(trained - known)
    return {"closedBecause": [], "cases": cases, "unknown": unknown, "parameters": len(trained), "missing": missing}

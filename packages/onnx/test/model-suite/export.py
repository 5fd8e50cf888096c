"""Exports each kind of model, and computes the gradients that PyTorch has for it.

    pip install torch torchvision transformers timm segmentation-models-pytorch onnx onnxscript onnxruntime
    python export.py <folder> [--torchscript] [<kind>…]

Writes a folder for each kind: the model, `case.json`, and `data.bin` with the arrays that the former refers to. Gradients are
those of softmax cross-entropy, of a copy of the network in double precision. Networks are in evaluation mode, so that nothing
is dropped, and have been moved off their initial values, in which parameters are alike.
"""

import copy
import json
import logging
import sys
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from kinds import KINDS
from match import NORMALIZATIONS, match

BATCHES = (2, 3)
SEED = 1
STEPS = 3
# The largest error of PyTorch's float32 gradients without a kink, and how often inputs are drawn to avoid one.
SMOOTH = 1e-5
DRAWS = 6


class Arrays:
    """Arrays in one file, each described by its type, shape and offset."""

    def __init__(self, path):
        self.file = open(path, "wb")

    def add(self, value):
        value = np.ascontiguousarray(value)
        offset = self.file.tell()
        self.file.write(value.tobytes())
        self.file.write(b"\0" * (-value.nbytes % 8))
        return {"dtype": str(value.dtype), "shape": list(value.shape), "offset": offset}


def settle(model, inputs):
    """Moves parameters off their initial values, and gives batch normalisations the statistics of a batch."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += torch.randn_like(parameter) * (0.05 if parameter.dim() < 2 else 0.01)
        layers = [layer for layer in model.modules() if isinstance(layer, NORMALIZATIONS)]
        momenta = [layer.momentum for layer in layers]
        for layer in layers:
            layer.momentum = 1.0
        if layers:
            model.train()
            model(**inputs)
        for layer, momentum in zip(layers, momenta):
            layer.momentum = momentum
            # A channel that hardly varies in the batch would be magnified, and its rounding errors with it.
            layer.running_var.clamp_(min=0.3 * layer.running_var.mean())
            layer.running_var *= 0.8 + 0.4 * torch.rand_like(layer.running_var)
            layer.running_mean += 0.05 * torch.randn_like(layer.running_mean)
    return model.eval()


def labels_for(logits, axis):
    """Every fifth row of several is ignored."""
    shape = [size for at, size in enumerate(logits.shape) if at != axis]
    count = int(np.prod(shape))
    labels = torch.randint(0, logits.shape[axis], (count,))
    if len(shape) > 1:
        labels[4::5] = -100
    return labels.reshape(shape)


def loss_of(model, inputs, labels, axis):
    return F.cross_entropy(model(**inputs).movedim(axis, 1), labels)


def gradients_of(model, inputs, labels, axis):
    model.zero_grad()
    loss = loss_of(model, inputs, labels, axis)
    loss.backward()
    return float(loss.detach()), {
        name: of.grad.detach().to(torch.float64).numpy() for name, of in model.named_parameters() if of.grad is not None
    }


def largest_error(found, wanted):
    """The largest relative error of a gradient, in the 2-norm. Gradients that are 0 but for rounding are measured by others."""
    norms = {name: float(np.linalg.norm(of)) for name, of in wanted.items()}
    floor = 1e-3 * max(norms.values())
    return max(float(np.linalg.norm(found[name] - of)) / max(norms[name], floor) for name, of in wanted.items())


def in_double(inputs):
    return {name: of.double() if of.is_floating_point() else of for name, of in inputs.items()}


def seconds_of(model, inputs, labels, axis):
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        gradients_of(model, inputs, labels, axis)
        times.append(time.perf_counter() - start)
    return sorted(times)[STEPS // 2]


def openings(sizes):
    """What to leave open: all sizes, the batch alone, none."""
    batch = {name: {axis: of for axis, of in axes.items() if of == "batch"} for name, axes in sizes.items()}
    return [sizes, *([batch] if batch != sizes else []), {}]


def write_model(model, inputs, path, sizes, torchscript):
    """Exports, and returns the sizes that are left open and why others are not."""
    reasons = []
    for opened in openings(sizes):
        settings = dict(input_names=list(inputs), output_names=["logits"])
        try:
            if torchscript:
                args = (tuple(inputs.values()), str(path))
                torch.onnx.export(model, *args, dynamo=False, opset_version=17, dynamic_axes=opened, **settings)
            else:
                shapes = {name: opened.get(name, {}) for name in inputs} if opened else None
                torch.onnx.export(
                    model, (), str(path), kwargs=inputs, dynamo=True, dynamic_shapes=shapes, verbose=False, **settings
                )
            return sorted({of for axes in opened.values() for of in axes.values()}), reasons
        except Exception as error:
            reasons.append(f"{type(error).__name__}: {str(error)[-600:]}")
    raise RuntimeError(" | ".join(reasons))


def smooth_point(kind, model, double, batch):
    """Inputs and labels at which rounding to float32 crosses no kink, such as that of a ReLU; the last ones tried if all do."""
    for _ in range(DRAWS):
        inputs = kind.inputs(batch)
        with torch.no_grad():
            labels = labels_for(model(**inputs), kind.class_axis)
        loss, gradients = gradients_of(double, in_double(inputs), labels, kind.class_axis)
        _, single = gradients_of(model, inputs, labels, kind.class_axis)
        error = largest_error(single, gradients)
        if error < SMOOTH:
            break
    return inputs, labels, loss, gradients, error


def export(name, folder, torchscript):
    kind = KINDS[name]
    torch.manual_seed(SEED)
    model = settle(kind.build(), kind.inputs(4))
    double = copy.deepcopy(model).double()
    path = folder / "model.onnx"
    opened, reasons = write_model(model, kind.inputs(BATCHES[0]), path, kind.open, torchscript)
    arrays = Arrays(folder / "data.bin")
    cases, parameters, known, unknown = [], set(), set(), {}
    for batch in BATCHES if "batch" in opened else BATCHES[:1]:
        inputs, labels, loss, gradients, error = smooth_point(kind, model, double, batch)
        found, unknown = match(path, model, gradients)
        parameters |= {key for key, of in gradients.items() if np.abs(of).max() > 0}
        known |= {parameter for names, _ in found.values() for parameter in names}
        cases.append(
            {
                "batch": batch,
                "inputs": {key: arrays.add(of.numpy()) for key, of in inputs.items()},
                "labels": arrays.add(labels.numpy()),
                "loss": loss,
                "gradients": {key: arrays.add(of.astype(np.float32)) for key, (_, of) in found.items()},
                "float32Error": error,
                "seconds": seconds_of(model, inputs, labels, kind.class_axis),
            }
        )
    return {
        "name": name,
        "family": kind.family,
        "exporter": "TorchScript" if torchscript else "torch.export",
        "open": opened,
        "classAxis": kind.class_axis,
        "closedBecause": reasons,
        "cases": cases,
        "unknown": unknown,
        "parameters": len(parameters),
        "missing": sorted(parameters - known),
    }


def main(out, *names):
    torchscript = "--torchscript" in names
    wanted = [name for name in names if not name.startswith("--")] or list(KINDS)
    (Path(out) / "kinds.json").write_text(json.dumps(list(KINDS)))
    for name in wanted:
        folder = Path(out) / (f"{name}.torchscript" if torchscript else name)
        folder.mkdir(parents=True, exist_ok=True)
        start = time.time()
        if "--missing" in names and (folder / "case.json").exists():
            continue
        try:
            result = export(name, folder, torchscript)
        except Exception as error:
            (folder / "failure.txt").write_text(traceback.format_exc())
            print(f"{folder.name}: not exported: {str(error)[:300]!r}", flush=True)
            continue
        (folder / "case.json").write_text(json.dumps(result))
        print(
            f"{folder.name}: {time.time() - start:.0f} s, open {result['open']}, float32 {result['cases'][0]['float32Error']:.1e}, "
            f"missing {len(result['missing'])} of {result['parameters']}, unknown {len(result['unknown'])}",
            flush=True,
        )


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    main(*sys.argv[1:])

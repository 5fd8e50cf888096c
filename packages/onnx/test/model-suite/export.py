"""Exports each kind of model, and computes the gradients that PyTorch has for it.

    pip install torch torchvision transformers timm segmentation-models-pytorch onnx onnxscript onnxruntime
    python export.py <folder> [--torchscript] [--double] [--missing] [<kind>…]

Writes a folder for each kind: the model, `case.json`, and `data.bin` with the arrays that the former refers to. Gradients are
those of softmax cross-entropy, of a copy of the network in double precision. Networks are in evaluation mode, so that nothing
is dropped, and have been moved off their initial values, in which parameters are alike.

Where rounding to float32 changes the gradients, as next to the kink of a ReLU, `double.onnx` is the same network exported in
double precision, by which gradients can be told right from wrong. With `--double` it is always written. `--missing` skips
kinds that have been exported. What `torch.export` cannot export is exported by TorchScript, as all kinds are with `--torchscript`.
"""

import copy
import json
import logging
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch.nn import functional as F

from kinds import KINDS
from match import NORMALIZATIONS, match
from stored import Arrays, largest_error

BATCHES = (2, 3)
# Images whose statistics batch normalisations take: with few of them, small changes grow from layer to layer.
SETTLING = 16
SEED = 1
# The largest change of gradients by rounding to float32 without a kink, and how often inputs are drawn to avoid one.
SMOOTH = 1e-5
DRAWS = 6
# A few roundings of float32, relative to a number, and how often all numbers are moved by them.
ROUNDING = 2.0**-22
NUDGES = 3


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
            layer.running_mean += 0.05 * layer.running_var.sqrt() * torch.randn_like(layer.running_mean)
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


def hardsigmoid(x, inplace=False):
    """As ONNX defines it, with 1/6 in float32, which in double precision differs from PyTorch's by 3e-8."""
    return (x * float(np.float32(1 / 6)) + 0.5).clamp(0, 1)


def hardswish(x, inplace=False):
    return x * hardsigmoid(x)


@patch.object(F, "hardsigmoid", hardsigmoid)
@patch.object(F, "hardswish", hardswish)
def gradients_of(model, inputs, labels, axis):
    model.zero_grad()
    loss = loss_of(model, inputs, labels, axis)
    loss.backward()
    return float(loss.detach()), {
        name: of.grad.detach().to(torch.float64).numpy() for name, of in model.named_parameters() if of.grad is not None
    }


def in_double(inputs):
    return {name: of.double() if of.is_floating_point() else of for name, of in inputs.items()}


def openings(sizes):
    """What to leave open: all sizes, the batch alone, none."""
    batch = {name: {axis: of for axis, of in axes.items() if of == "batch"} for name, axes in sizes.items()}
    return [sizes, *([batch] if batch != sizes else []), {}]


def cause_of(error):
    """The first line of the error that made the exporter fail."""
    while error.__cause__:
        error = error.__cause__
    return f"{type(error).__name__}: {str(error).strip().split(chr(10))[0][:300]}"


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
            reasons.append(cause_of(error))
    raise RuntimeError(" | ".join(dict.fromkeys(reasons)))


def nudged(of, generator):
    """Each number moved by a few roundings of float32."""
    return of * (1 + ROUNDING * torch.randn(of.shape, generator=generator, dtype=of.dtype)) if of.is_floating_point() else of


def change_by_rounding(double, inputs, labels, axis, gradients):
    """The largest change of a gradient, in double precision, when inputs and parameters are moved by roundings of float32."""
    generator = torch.Generator().manual_seed(SEED)
    changes = []
    for _ in range(NUDGES):
        moved = copy.deepcopy(double)
        with torch.no_grad():
            for of in [*moved.parameters(), *moved.buffers()]:
                of.copy_(nudged(of, generator))
        near = {name: nudged(of, generator) for name, of in inputs.items()}
        changes.append(largest_error(gradients_of(moved, near, labels, axis)[1], gradients))
    return max(changes)


@dataclass(frozen=True)
class Point:
    """Inputs and labels, the loss and the gradients in double precision, and how far rounding to float32 changes these."""

    inputs: dict
    labels: torch.Tensor
    loss: float
    gradients: dict
    change: float


def smooth_point(kind, model, double, batch):
    """A point at which rounding to float32 crosses no kink, such as that of a ReLU; the last one tried if it does at all."""
    for _ in range(DRAWS):
        inputs = kind.inputs(batch)
        with torch.no_grad():
            labels = labels_for(model(**inputs), kind.class_axis)
        wide = in_double(inputs)
        loss, gradients = gradients_of(double, wide, labels, kind.class_axis)
        _, single = gradients_of(model, inputs, labels, kind.class_axis)
        change = largest_error(single, gradients)
        if change < SMOOTH:
            change = max(change, change_by_rounding(double, wide, labels, kind.class_axis, gradients))
        if change < SMOOTH:
            break
    return Point(inputs, labels, loss, gradients, change)


def in_precision(arrays, dtype, point, found):
    """The inputs, and the gradients of the tensors that a model stores, in one precision."""
    of_dtype = lambda of: of.astype(dtype) if of.dtype.kind == "f" else of
    return {
        "inputs": {key: arrays.add(of_dtype(of.numpy())) for key, of in point.inputs.items()},
        "gradients": {key: arrays.add(of.astype(dtype)) for key, (_, of) in found.items()},
    }


def export(name, folder, torchscript, always_double):
    kind = KINDS[name]
    torch.manual_seed(SEED)
    model = settle(kind.build(), kind.inputs(SETTLING))
    double = copy.deepcopy(model).double()
    path = folder / "model.onnx"
    opened, reasons = write_model(model, kind.inputs(BATCHES[0]), path, kind.open, torchscript)
    points = {
        batch: smooth_point(kind, model, double, batch) for batch in (BATCHES if "batch" in opened else BATCHES[:1])
    }
    double_path = folder / "double.onnx"
    is_double = always_double or any(point.change >= SMOOTH for point in points.values())
    if is_double:
        try:
            write_model(double, in_double(kind.inputs(BATCHES[0])), double_path, kind.open, torchscript)
        except Exception as error:
            reasons.append(f"in double precision: {cause_of(error)}")
            is_double = False
    cases, parameters, known, unknown = [], set(), set(), {}
    with Arrays(folder / "data.bin") as arrays:
        for batch, point in points.items():
            found, unknown = match(path, model, point.gradients)
            parameters |= {key for key, of in point.gradients.items() if np.abs(of).max() > 0}
            known |= {parameter for names, _ in found.values() for parameter in names}
            case = {
                "batch": batch,
                "labels": arrays.add(point.labels.numpy()),
                "loss": point.loss,
                "rounding": point.change,
                **in_precision(arrays, np.float32, point, found),
            }
            if is_double:
                stored, _ = match(double_path, double, point.gradients)
                case["double"] = in_precision(arrays, np.float64, point, stored)
            cases.append(case)
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


def write_case(out, name, torchscript, flags):
    """Exports a kind into its folder, unless it is there already; false if PyTorch cannot."""
    folder = Path(out) / (f"{name}.torchscript" if torchscript else name)
    folder.mkdir(parents=True, exist_ok=True)
    start = time.time()
    if "--missing" in flags and (folder / "case.json").exists():
        return True
    # What an earlier run says does not belong to arrays that this one leaves unfinished.
    for stale in ("case.json", "result.json", "failure.txt"):
        (folder / stale).unlink(missing_ok=True)
    try:
        result = export(name, folder, torchscript, "--double" in flags)
    except Exception as error:
        (folder / "failure.txt").write_text(traceback.format_exc())
        print(f"{folder.name}: not exported: {str(error)[:300]!r}", flush=True)
        return False
    (folder / "case.json").write_text(json.dumps(result))
    print(
        f"{folder.name}: {time.time() - start:.0f} s, open {result['open']}, rounding {result['cases'][0]['rounding']:.1e}, "
        f"missing {len(result['missing'])} of {result['parameters']}, unknown {len(result['unknown'])}",
        flush=True,
    )
    return True


def main(out, *arguments):
    flags = {of for of in arguments if of.startswith("--")}
    names = [of for of in arguments if of not in flags] or list(KINDS)
    (Path(out) / "kinds.json").write_text(json.dumps(list(KINDS)))
    for name in names:
        is_written = "--torchscript" not in flags and write_case(out, name, False, flags)
        if not is_written:
            write_case(out, name, True, flags)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    main(*sys.argv[1:])

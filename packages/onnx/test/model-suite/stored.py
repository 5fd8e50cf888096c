"""What the scripts of all exporters share: arrays for check.mjs, tensors that a model stores, and how they follow from others."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import onnx
from onnx import numpy_helper


class Arrays:
    """Arrays in one file, each described by its type, shape and offset."""

    def __init__(self, path):
        self.file = open(path, "wb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def add(self, value):
        value = np.ascontiguousarray(value)
        offset = self.file.tell()
        self.file.write(value.tobytes())
        self.file.write(b"\0" * (-value.nbytes % 8))
        return {"dtype": str(value.dtype), "shape": list(value.shape), "offset": offset}


@dataclass(frozen=True)
class Origin:
    """A tensor of the network, or one made of several, with the names of its parameters and its gradient."""

    parameters: tuple[str, ...]
    value: np.ndarray
    gradient: np.ndarray


def stored_tensors(path):
    """The floating-point tensors of a model, by name."""
    graph = onnx.load(path).graph
    tensors = {of.name: of for of in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            tensors[node.output[0]] = node.attribute[0].t
    arrays = {name: numpy_helper.to_array(of) for name, of in tensors.items() if of.data_type in (1, 11)}
    return {name: value.astype(np.float64) for name, value in arrays.items() if value.size > 0}


def parts_of(whole):
    """Equal parts of parameters, such as those of queries, keys and values."""
    return [
        Origin(of.parameters, value, gradient)
        for of in whole
        if of.value.ndim > 0
        for count in (2, 3, 4)
        if of.value.shape[0] % count == 0
        for value, gradient in zip(np.split(of.value, count), np.split(of.gradient, count))
    ]


def key(value):
    return np.sort(value, axis=None).tobytes()


def laid_out(origin, value, orders=None):
    """The gradient of an origin whose axes were permuted and reshaped to the value; none if they were not."""
    for order in orders or permutations(range(origin.value.ndim)):
        if np.array_equal(origin.value.transpose(order).reshape(-1), value.reshape(-1)):
            return origin.gradient.transpose(order).reshape(value.shape)
    return None


def scaled(origin, value):
    """The gradient of a weight whose output channels were multiplied by numbers; none if they were not."""
    if origin.value.shape != value.shape or value.ndim < 2:
        return None
    for axis in (0, 1):
        rows, given = (np.moveaxis(of, axis, 0).reshape(value.shape[axis], -1) for of in (origin.value, value))
        if rows.shape[1] < 2:
            continue
        factor = (rows * given).sum(1) / np.maximum((rows * rows).sum(1), 1e-300)
        if np.abs(rows * factor[:, None] - given).max() <= 1e-5 * np.abs(given).max():
            shape = [1] * value.ndim
            shape[axis] = -1
            return origin.gradient / factor.reshape(shape)
    return None


def is_close(a, b):
    return a.shape == b.shape and np.abs(a - b).max() <= 1e-5 * max(np.abs(b).max(), 1e-30)


def largest_error(found, wanted):
    """The largest relative error of a gradient, in the 2-norm. Gradients that are 0 but for rounding are measured by others."""
    norms = {name: float(np.linalg.norm(of)) for name, of in wanted.items()}
    floor = 1e-3 * max(norms.values())
    return max(float(np.linalg.norm(found[name] - of)) / max(norms[name], floor) for name, of in wanted.items())

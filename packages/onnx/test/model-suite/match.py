"""The gradients that PyTorch computes, for the tensors that an exported model stores.

Exporters store parameters under other names, transposed, permuted, cut into parts, joined, or multiplied by a batch
normalisation's scale. The gradient of such a tensor follows from that of its parameter.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

NORMALIZATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Origin:
    """A tensor of the network, or one made of several, with the names of its parameters and its gradient."""

    parameters: tuple[str, ...]
    value: np.ndarray
    gradient: np.ndarray


def array(x):
    return x.detach().to(torch.float64).cpu().numpy()


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


def recurrent_origins(model, gradients):
    """Weights of recurrent layers, in the order of gates that ONNX has, both directions and both biases joined."""
    found = []
    for prefix, layer in model.named_modules():
        if not isinstance(layer, (nn.LSTM, nn.GRU)):
            continue
        order = [0, 3, 1, 2] if isinstance(layer, nn.LSTM) else [1, 0, 2]
        stored = dict(layer.named_parameters())

        def joined(kinds, index, of):
            rows = []
            for suffix in ("", "_reverse") if layer.bidirectional else ("",):
                blocks = []
                for kind in kinds:
                    gates = np.split(of(f"{kind}_l{index}{suffix}"), len(order))
                    blocks += [gates[at] for at in order]
                rows.append(np.concatenate(blocks))
            return np.stack(rows)

        path = lambda name: f"{prefix}.{name}" if prefix else name
        for index in range(layer.num_layers):
            for kinds in (["weight_ih"], ["weight_hh"], ["bias_ih", "bias_hh"]):
                value = joined(kinds, index, lambda name: array(stored[name]))
                gradient = joined(kinds, index, lambda name: gradients[path(name)])
                names = tuple(path(name) for name in stored if any(name.startswith(f"{kind}_l{index}") for kind in kinds))
                found.append(Origin(names, value, gradient))
    return found


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


def normalizations(model):
    """The factor and the offset of each batch normalisation."""
    for name, layer in model.named_modules():
        if isinstance(layer, NORMALIZATIONS) and layer.affine:
            factor = array(layer.weight) / np.sqrt(array(layer.running_var) + layer.eps)
            yield name, factor, array(layer.bias) - array(layer.running_mean) * factor


def is_close(a, b):
    return a.shape == b.shape and np.abs(a - b).max() <= 1e-5 * max(np.abs(b).max(), 1e-30)


def shifted(model, gradients, biases, value):
    """The gradient of a bias that took in a batch normalisation: its offset's."""
    for name, factor, offset in normalizations(model):
        if factor.shape != value.shape:
            continue
        made_of = [((), offset), *((of.parameters, offset + of.value * factor) for of in biases if of.value.shape == value.shape)]
        for parameters, candidate in made_of:
            if is_close(value, candidate):
                return (f"{name}.weight", f"{name}.bias", *parameters), gradients[f"{name}.bias"]
    return None


def match(path, model, gradients):
    """For each stored tensor that comes from parameters: their names, and its gradient; and the shapes of all others."""
    stored = stored_tensors(path)
    whole = [Origin((name,), array(of), gradients[name]) for name, of in model.named_parameters() if name in gradients]
    by_name = {of.parameters[0]: of for of in whole}
    found = {}
    for name, value in stored.items():
        named = by_name.get(name)
        made = named and (laid_out(named, value, [range(value.ndim)]) if named.value.size == value.size else None)
        made = scaled(named, value) if named and made is None else made
        if made is not None:
            found[name] = (named.parameters, made)
    left = {name: value for name, value in stored.items() if name not in found}
    sizes = {value.size for value in left.values()}
    pool = {}
    for of in [*whole, *recurrent_origins(model, gradients), *parts_of(whole)]:
        if of.value.size in sizes:
            pool.setdefault(key(of.value), []).append(of)
    biases = [of for of in whole if of.value.ndim == 1]
    for name, value in left.items():
        candidates = pool.get(key(value), [])
        same = next(((of.parameters, made) for of in candidates for made in [laid_out(of, value)] if made is not None), None)
        if same is None:
            same = next(((of.parameters, made) for of in whole for made in [scaled(of, value)] if made is not None), None)
        if same is None and value.ndim == 1:
            same = shifted(model, gradients, biases, value)
        if same is not None:
            found[name] = same
    return found, {name: list(value.shape) for name, value in left.items() if name not in found}

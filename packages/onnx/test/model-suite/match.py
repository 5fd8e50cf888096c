"""The gradients that PyTorch computes, for the tensors that an exported model stores.

Exporters store parameters under other names, transposed, permuted, cut into parts, joined, or multiplied by a batch
normalisation's scale. The gradient of such a tensor follows from that of its parameter.
"""

import numpy as np
import torch
from torch import nn

from stored import Origin, is_close, key, laid_out, parts_of, scaled, stored_tensors

NORMALIZATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def array(x):
    return x.detach().to(torch.float64).cpu().numpy()


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


def normalizations(model):
    """The factor and the offset of each batch normalisation."""
    for name, layer in model.named_modules():
        if isinstance(layer, NORMALIZATIONS) and layer.affine:
            factor = array(layer.weight) / np.sqrt(array(layer.running_var) + layer.eps)
            yield name, factor, array(layer.bias) - array(layer.running_mean) * factor


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

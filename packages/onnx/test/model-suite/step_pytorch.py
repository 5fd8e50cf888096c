"""Steps of SGD in PyTorch, as it is without torch.compile.

    python step_pytorch.py export <folder> [<network>…]  writes <network>/model.onnx, batch.json and batch.bin
    python step_pytorch.py list                          the rows of each network's batch, as JSON
    python step_pytorch.py time <network> <threads> <seconds>

The last prints one line of JSON: the milliseconds of each step, those of the processor, the losses of the first steps, and the largest resident set.
"""

import json
import logging
import resource
import sys
import time
import warnings
from pathlib import Path

import torch
from torch.nn import functional as F

from export import SEED, SETTLING, labels_for, settle, write_model
from match import NORMALIZATIONS
from step_networks import NETWORKS, network_of
from stored import Arrays

# In step-runtime.mjs, too.
LEARNING_RATE = 1e-4
WARM_UP, FEWEST = 2, 4


def given(name):
    """The network, in evaluation mode unless it says otherwise, and the batch of all its steps."""
    torch.manual_seed(SEED)
    network = network_of(name)
    model, inputs = network.kind.build(), network.kind.inputs(network.batch)
    settle(model, network.kind.inputs(SETTLING) if has_statistics(model) else inputs)
    with torch.no_grad():
        labels = labels_for(model(**inputs), network.kind.class_axis)
    return model.train(network.is_training), inputs, labels


def has_statistics(model):
    return any(isinstance(layer, NORMALIZATIONS) for layer in model.modules())


def write_in_training(model, inputs, path, opened):
    """As write_model, but batch normalisations normalise by the batch: only TorchScript keeps that."""
    settings = dict(input_names=list(inputs), output_names=["logits"], dynamic_axes=opened, opset_version=17)
    mode = dict(training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    torch.onnx.export(model, tuple(inputs.values()), str(path), dynamo=False, **settings, **mode)


def export(name, folder):
    folder.mkdir(parents=True, exist_ok=True)
    model, inputs, labels = given(name)
    kind = network_of(name).kind
    if network_of(name).is_training:
        write_in_training(model, inputs, folder / "model.onnx", kind.open)
    else:
        write_model(model, inputs, folder / "model.onnx", kind.open, False)
    with Arrays(folder / "batch.bin") as arrays:
        described = {key: arrays.add(of.numpy()) for key, of in [*inputs.items(), ("labels", labels)]}
    (folder / "batch.json").write_text(json.dumps({"classAxis": kind.class_axis, "inputs": described}))


def measure(name, threads, seconds):
    torch.set_num_threads(threads)
    model, inputs, labels = given(name)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    axis = network_of(name).kind.class_axis
    times, processor, losses, end = [], [], [], float("inf")
    while len(times) < FEWEST or time.perf_counter() < end:
        if len(losses) == WARM_UP:
            end = time.perf_counter() + seconds
        start, used = time.perf_counter(), time.process_time()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(**inputs).movedim(axis, 1), labels)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        if len(losses) > WARM_UP:
            times.append(1e3 * (time.perf_counter() - start))
            processor.append(1e3 * (time.process_time() - used))
    # In kB on Linux.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"times": times, "processor": processor, "losses": losses[: WARM_UP + FEWEST], "peakMB": peak}))


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    command, *arguments = sys.argv[1:]
    if command == "export":
        for name in arguments[1:] or NETWORKS:
            export(name, Path(arguments[0]) / name)
    elif command == "list":
        print(json.dumps({"batches": {name: network.batch for name, network in NETWORKS.items()}}))
    else:
        name, threads, seconds = arguments
        measure(name, int(threads), float(seconds))

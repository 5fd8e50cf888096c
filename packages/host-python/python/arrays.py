"""Arrays that parent and worker exchange: raw values in two files that both hold open."""

import os

import numpy

INPUTS, RESULTS = 4, 5

# What class indices and half precision travel as; NumPy itself has no bfloat16.
CARRIERS = {"int64": "int32", "float16": "float32", "bfloat16": "float32"}


def carrier(dtype):
    """The dtype of the arrays in which values of a dtype are exchanged."""
    return CARRIERS.get(dtype, dtype)


def allocate(program):
    """Arrays for a program's inputs, in the order in which they are exchanged."""
    return {one["name"]: numpy.empty(one["shape"], carrier(one["dtype"])) for one in program["inputs"]}


def synthetic(program):
    """Inputs as packages/measure/src/scale.ts makes them: Numerical Recipes' generator, doubling what there is."""
    inputs = allocate(program)
    logits, labels = inputs["logits"], inputs["labels"]
    states = numpy.array([1664525 + 1013904223], numpy.uint32)
    factor, term = 1664525, 1013904223
    while states.size < logits.size:
        states = numpy.concatenate([states, states * numpy.uint32(factor) + numpy.uint32(term)])
        factor, term = factor * factor % 2**32, (factor * term + term) % 2**32
    logits.reshape(-1)[:] = states[: logits.size] / 2.0**30 - 2
    labels[:] = numpy.arange(labels.size) % logits.shape[1]
    return inputs


def read_inputs(inputs, number):
    """Fills arrays with one of the sets of inputs."""
    position = number * sum(array.nbytes for array in inputs.values())
    for array in inputs.values():
        rest = memoryview(array.reshape(-1)).cast("B")
        while rest:
            count = os.preadv(INPUTS, [rest], position)
            if count == 0:
                raise EOFError(f"the file of arrays ends {len(rest)} bytes early")
            position, rest = position + count, rest[count:]


def write_results(arrays):
    """Writes arrays one after the other; the file ends after the last."""
    position = 0
    for array in arrays:
        rest = memoryview(array.reshape(-1)).cast("B")
        while rest:
            count = os.pwrite(RESULTS, rest, position)
            position, rest = position + count, rest[count:]
    os.ftruncate(RESULTS, position)

"""JAX on the CPU, compiled by XLA (`jax.jit`)."""

import json
import os
import platform
from functools import lru_cache

from graphs import ARITHMETIC, elements, python_function
from process import environment_settings

ENVIRONMENT = ("GLIBC_TUNABLES", "JAX_", "LD_PRELOAD", "MALLOC_", "NPROC", "XLA_")

OPERATORS = ARITHMETIC | {
    "Exp": lambda node, x: f"jnp.exp({x})",
    "Log": lambda node, x: f"jnp.log({x})",
    "Neg": lambda node, x: f"jnp.negative({x})",
    "StopGradient": lambda node, x: f"jax.lax.stop_gradient({x})",
    "Where": lambda node, condition, a, b: f"jnp.where({condition}, {a}, {b})",
    "ReduceSum": lambda node, x: f"jnp.sum({x}, {axes(node)})",
    "ReduceMean": lambda node, x: f"jnp.mean({x}, {axes(node)})",
    "ReduceMax": lambda node, x: f"jnp.max({x}, {axes(node)})",
    "Softmax": lambda node, x: f"jax.nn.softmax({x}, {node['attributes']['axis']})",
    "LogSoftmax": lambda node, x: f"jax.nn.log_softmax({x}, {node['attributes']['axis']})",
    "OneHot": lambda node, x: "jax.nn.one_hot({}, {depth}, dtype=jnp.{dtype})".format(x, **node["attributes"]),
    "GatherElements": lambda node, x, indices: f"jnp.take_along_axis({x}, {indices}, {node['attributes']['axis']})",
    "ScatterElements": lambda node, x, indices, updates: (
        f"jnp.put_along_axis({x}, {indices}, {updates}, {node['attributes']['axis']}, inplace=False)"
    ),
    "Reshape": lambda node, x: f"jnp.reshape({x}, {node['outputs'][0]['shape']})",
    "Expand": lambda node, x: f"jnp.broadcast_to({x}, {node['outputs'][0]['shape']})",
    "Cast": lambda node, x: f"{x}.astype(jnp.{node['attributes']['to']})",
}


def axes(node):
    return f"{tuple(node['attributes']['axes'])}, keepdims={bool(node['attributes']['keepdims'])}"


def load(threads):
    global carrier, jax, jnp, numpy
    # XLA reads these once, when it makes its pool of threads.
    os.environ.update(JAX_PLATFORMS="cpu", NPROC=str(threads), PJRT_NPROC=str(threads))
    import jax
    import jax.numpy as jnp
    import numpy
    from arrays import carrier

    jax.config.update("jax_enable_x64", True)
    return Runtime(threads)


class Runtime:
    notes = {
        "autograd/library": "JAX ships no cross-entropy: jax.nn.log_softmax, picked at the labels",
    }

    def __init__(self, threads):
        self.info = {
            "engine": {"name": "JAX", "version": jax.__version__, "code": "native"},
            "threads": threads,
            "dtypes": ["float32", "float64", "float16", "bfloat16"],
            "settings": {
                "mode": "jit",
                "Python": platform.python_version(),
                "jaxlib": jax.lib.__version__,
                "allocator": "XLA's for the CPU",
                **environment_settings(ENVIRONMENT),
            },
        }

    def prepare(self, task, program, inputs):
        return Prepared(program, inputs)


class Prepared:
    """A task's inputs, on the host as they came and as JAX's own copies, and its functions, compiled."""

    def __init__(self, program, inputs):
        self.host = inputs
        self.dtypes = {one["name"]: one["dtype"] for one in program["inputs"] if one["dtype"] != "int64"}
        self.loss, self.both = functions(json.dumps(program))
        self.loss_inputs = program["forward"]["inputs"]
        self.both_inputs = [one["name"] for one in program["inputs"]]
        self.arrays = None
        self.upload()
        # Compiles; the first call of a function does.
        self.gradient()
        self.results = None

    def upload(self):
        self.feeds = {name: jnp.array(array, self.dtypes.get(name)) for name, array in self.host.items()}
        jax.block_until_ready(self.feeds)
        self.loss_feeds = [self.feeds[name] for name in self.loss_inputs]
        self.both_feeds = [self.feeds[name] for name in self.both_inputs]
        self.results = None

    def forward(self):
        jax.block_until_ready(self.loss(*self.loss_feeds))

    def gradient(self):
        self.results = None
        self.results = jax.block_until_ready(self.both(*self.both_feeds))

    def read(self):
        """Copies loss and gradient to arrays of the host."""
        if self.results is None:
            self.gradient()
        if self.arrays is None:
            self.arrays = [numpy.empty(result.shape, carrier(result.dtype.name)) for result in self.results]
        for array, result in zip(self.arrays, self.results):
            array[...] = result
        return self.arrays


@lru_cache(maxsize=32)
def functions(serialized):
    """Of a program, its loss, and its loss and gradient. Compiling takes longer than most gradients."""
    program = json.loads(serialized)
    both = differentiated(program) if program["kind"] == "autograd" else compiled(program["gradient"])
    return jax.jit(compiled(program["forward"])), jax.jit(both)


def differentiated(program):
    """Loss and gradient; where the loss is one per row, from the gradient of a later quantity with respect to it."""
    forward = compiled(program["forward"])

    def both(logits, *others):
        has_upstream = len(others) == len(program["forward"]["inputs"])
        rest = others[:-1] if has_upstream else others
        loss, pull_back = jax.vjp(lambda x: forward(x, *rest)[0], logits)
        (gradient,) = pull_back(others[-1] if has_upstream else jnp.ones_like(loss))
        return loss, gradient

    return both


def compiled(graph):
    return python_function(graph, OPERATORS, constant, {"jax": jax, "jnp": jnp})


def constant(dtype, shape, data):
    return numpy.array(elements(dtype, data), jnp.dtype(dtype)).reshape(shape)

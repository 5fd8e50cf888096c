"""PyTorch on the CPU, eager."""

import platform
import re

import torch  # Before NumPy, which it brings: where both are missing, it is what is asked for.

import numpy

from arrays import carrier
from graphs import ARITHMETIC, elements, python_function
from process import environment_settings

ENVIRONMENT = ("ATEN_", "DNNL_", "GLIBC_TUNABLES", "GOMP_", "KMP_", "LD_PRELOAD", "MALLOC_", "MKL_", "OMP_", "ONEDNN_")

OPERATORS = ARITHMETIC | {
    "Exp": lambda node, x: f"torch.exp({x})",
    "Log": lambda node, x: f"torch.log({x})",
    "Neg": lambda node, x: f"torch.neg({x})",
    "StopGradient": lambda node, x: f"{x}.detach()",
    "Where": lambda node, condition, a, b: f"torch.where({condition}, {a}, {b})",
    "ReduceSum": lambda node, x: f"torch.sum({x}, {axes(node)})",
    "ReduceMean": lambda node, x: f"torch.mean({x}, {axes(node)})",
    "ReduceMax": lambda node, x: f"torch.amax({x}, {axes(node)})",
    "Softmax": lambda node, x: f"torch.softmax({x}, {node['attributes']['axis']})",
    "LogSoftmax": lambda node, x: f"torch.log_softmax({x}, {node['attributes']['axis']})",
    "SoftmaxCrossEntropyLoss": lambda node, *inputs: cross_entropy(node["attributes"], *inputs),
    "OneHot": lambda node, x: "one_hot({}, {depth}, torch.{dtype})".format(x, **node["attributes"]),
    "GatherElements": lambda node, x, indices: f"torch.gather({x}, {node['attributes']['axis']}, {indices})",
    "ScatterElements": lambda node, x, indices, updates: (
        f"torch.scatter({x}, {node['attributes']['axis']}, {indices}, {updates})"
    ),
    "Reshape": lambda node, x: f"torch.reshape({x}, {node['outputs'][0]['shape']})",
    "Expand": lambda node, x: f"{x}.expand({node['outputs'][0]['shape']})",
    "Flatten": lambda node, x: f"torch.reshape({x}, {node['outputs'][0]['shape']})",
    "Relu": lambda node, x: f"torch.relu({x})",
    "Gemm": lambda node, *inputs: gemm(node["attributes"], *inputs),
    "Conv": lambda node, *inputs: convolution(node["attributes"], *inputs),
    "GlobalAveragePool": lambda node, x: f"torch.mean({x}, (2, 3), keepdim=True)",
    "Slice": lambda node, x: "{}[{}{start}:{end}:{step}]".format(x, ":, " * node["attributes"]["axis"], **node["attributes"]),
    "Pad": lambda node, x: f"torch.nn.functional.pad({x}, {last_axis_first(node['attributes']['pads'])}, value={node['attributes']['value']})",
    "Cast": lambda node, x: f"{x}.to(torch.{node['attributes']['to']})",
}


def axes(node):
    return f"{node['attributes']['axes']}, keepdim={bool(node['attributes']['keepdims'])}"


def cross_entropy(attributes, scores, labels, weights=None):
    reduction, ignore_index = repr(attributes["reduction"]), attributes.get("ignore_index")
    options = {"weight": weights, "ignore_index": ignore_index, "reduction": reduction}
    given = "".join(f", {name}={value}" for name, value in options.items() if value is not None)
    return f"torch.nn.functional.cross_entropy({scores}, {labels}{given})"


def gemm(attributes, a, b, c):
    a, b = (f"{x}.T" if attributes[name] else x for name, x in (("transA", a), ("transB", b)))
    return "torch.addmm({}, {}, {}, beta={beta}, alpha={alpha})".format(c, a, b, **attributes)


def convolution(attributes, x, filters, bias="None"):
    pads = attributes["pads"]
    if pads[:2] != pads[2:]:
        raise NotImplementedError(f"Conv with pads {pads}, which differ between the sides")
    return "torch.nn.functional.conv2d({}, {}, {}, {strides}, {}, {dilations}, {group})".format(
        x, filters, bias, pads[:2], **attributes
    )


def last_axis_first(pads):
    """ONNX has the paddings before each axis, then those after each; PyTorch has pairs, from the last axis on."""
    rank = len(pads) // 2
    return [pad for axis in reversed(range(rank)) for pad in (pads[axis], pads[rank + axis])]


HALVES = ("float16", "bfloat16")
# Probabilities below these may have lost digits to underflow.
LEAST = {torch.float32: 2.0**-100, torch.float64: 2.0**-1000, torch.float16: 2.0**-12, torch.bfloat16: 2.0**-100}


def has_softmax(dtype):
    """Whether this version computes a dtype on the CPU: not all do in half precision."""
    x = torch.zeros(1, 2, dtype=getattr(torch, dtype))
    try:
        torch.exp(x), torch.softmax(x, 1), torch.log_softmax(x, 1)
    except RuntimeError:
        return False
    return True


def load(threads):
    torch.set_num_threads(threads)
    return Runtime()


def one_hot(labels, depth, dtype):
    """torch.nn.functional.one_hot knows no label outside the classes, and makes integers."""
    return (labels.unsqueeze(-1) == torch.arange(depth)).to(dtype)


class Runtime:
    notes = {
        "autograd/library": "the library's gradient is hand-written, not differentiated op by op",
        "autograd/log-softmax": "the library's gradient is hand-written, for log_softmax",
        "manual/fused": "in place, in one buffer that is used again, for the mean over labelled rows",
    }

    def __init__(self):
        self.info = {
            "engine": {"name": "PyTorch", "version": torch.__version__, "code": "native"},
            "threads": torch.get_num_threads(),
            "dtypes": ["float32", "float64", *filter(has_softmax, HALVES)],
            "settings": {
                "mode": "eager",
                "Python": platform.python_version(),
                "CPU capability": cpu_capability(),
                "allocator": "the C library's",
                **environment_settings(ENVIRONMENT),
            },
        }

    def lacks(self, dtype):
        return f"PyTorch {torch.__version__} has no exp and softmax of {dtype} on the CPU"

    def prepare(self, task, program, inputs):
        is_plain = list(inputs) == ["logits", "labels"] and not task.get("loss")
        fused = task["method"] == "manual/fused" and is_plain
        return (Fused if fused else Manual if program["kind"] == "manual" else Autograd)(program, inputs)

    def prepare_step(self, program, inputs):
        return step(program, inputs)


def step(program, inputs):
    """A function that computes a network's loss and the gradients of its parameters, from arrays and to arrays."""
    hosts = {name: tensor_on(array) for name, array in inputs.items()}
    dtypes = {one["name"]: getattr(torch, one["dtype"]) for one in program["inputs"]}
    network, head = compiled(program["network"]), compiled(program["loss"])

    def run():
        feeds = {name: host.to(dtypes[name], copy=True) for name, host in hosts.items()}
        parameters = [feeds[name].requires_grad_() for name in program["parameters"]]
        (logits,) = network(*(feeds[name] for name in program["network"]["inputs"]))
        feeds["logits"] = logits if program["kind"] == "autograd" else logits.detach()
        loss, *by_hand = head(*(feeds[name] for name in program["loss"]["inputs"]))
        gradients = torch.autograd.grad(logits if by_hand else loss, parameters, by_hand or None)
        return [array_of(result) for result in (loss, *gradients)]

    return run


class Prepared:
    """A task's inputs, on the host as they came and as tensors of their own."""

    def __init__(self, program, inputs):
        self.host = {name: tensor_on(array) for name, array in inputs.items()}
        dtypes = {one["name"]: getattr(torch, one["dtype"]) for one in program["inputs"]}
        self.feeds = {name: host.to(dtypes[name], copy=True) for name, host in self.host.items()}
        self.loss = compiled(program["forward"])
        self.forward_feeds = [self.feeds[name] for name in program["forward"]["inputs"]]
        self.results = None
        self.arrays = self.views = None

    def upload(self):
        for name, host in self.host.items():
            self.feeds[name].copy_(host)
        self.results = None

    def forward(self):
        self.loss(*self.forward_feeds)

    def read(self):
        """Copies loss and gradient to arrays of the host."""
        if self.results is None:
            self.gradient()
        if self.arrays is None:
            self.arrays = [numpy.empty(result.numel(), carrier(str(result.dtype)[6:])) for result in self.results]
            self.views = [tensor_on(array) for array in self.arrays]
        for view, result in zip(self.views, self.results):
            view.copy_(result.detach().reshape(-1))
        return self.arrays


class Manual(Prepared):
    def __init__(self, program, inputs):
        super().__init__(program, inputs)
        self.both = compiled(program["gradient"])
        self.both_feeds = [self.feeds[name] for name in program["gradient"]["inputs"]]

    def gradient(self):
        self.results = None
        self.results = self.both(*self.both_feeds)


class Autograd(Prepared):
    def __init__(self, program, inputs):
        super().__init__(program, inputs)
        self.upstream = self.feeds.get("upstream")
        # The same memory, on the tape.
        self.logits = self.feeds["logits"].detach().requires_grad_()
        taped = {**self.feeds, "logits": self.logits}
        self.taped_feeds = [taped[name] for name in program["forward"]["inputs"]]

    def gradient(self):
        self.results = None
        (loss,) = self.loss(*self.taped_feeds)
        (gradient,) = torch.autograd.grad(loss, self.logits, self.upstream)
        self.results = (loss, gradient)


class Fused(Prepared):
    """The fewest passes over memory: softmax into the gradient's own buffer, then in place."""

    def __init__(self, program, inputs):
        super().__init__(program, inputs)
        self.logits, self.labels = self.feeds["logits"], self.feeds["labels"].unsqueeze(1)
        self.p = torch.empty_like(self.logits)
        self.least = LEAST[self.logits.dtype]

    def gradient(self):
        logits, labels, p = self.logits, self.labels, self.p
        torch.softmax(logits, 1, out=p)
        at_label = p.gather(1, labels)
        if at_label.min() < self.least:
            # Such a probability has lost digits to underflow, or is 0: the loss by the maximum.
            losses = logits.amax(1, keepdim=True) - logits.gather(1, labels) - p.amax(1, keepdim=True).log()
        else:
            losses = at_label.log().neg_()
        p.scatter_(1, labels, at_label.sub_(1)).mul_(1 / len(logits))
        self.results = (losses.mean(), p)


def compiled(graph):
    return python_function(graph, OPERATORS, constant, {"torch": torch, "one_hot": one_hot})


def constant(dtype, shape, data):
    return torch.tensor(elements(dtype, data), dtype=getattr(torch, dtype)).reshape(shape)


def tensor_on(array):
    """A tensor on the memory of an array. NumPy's own bridge needs the NumPy that PyTorch was built with."""
    return torch.frombuffer(array, dtype=getattr(torch, array.dtype.name)).view(array.shape)


def array_of(tensor):
    """A tensor's values in an array of their own."""
    array = numpy.empty(tensor.numel(), carrier(str(tensor.dtype)[6:]))
    tensor_on(array).copy_(tensor.detach().reshape(-1))
    return array


def cpu_capability():
    """`AVX2`, `AVX512`."""
    return re.search(r"CPU capability usage: (\S+)", torch.__config__.show()).group(1)

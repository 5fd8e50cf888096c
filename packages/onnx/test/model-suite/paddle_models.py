"""Exports networks of PaddlePaddle with `paddle.onnx.export`, and computes the gradients that Paddle has for them.

    pip install paddlepaddle paddle2onnx
    python paddle_models.py <folder> [<kind>…]

Writes what check.mjs reads, as export.py does for PyTorch. Gradients are Paddle's own, of a copy in double precision.
"""

import sys
import warnings

warnings.filterwarnings("ignore")

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F

from other_exporters import CLASSES, Exported, Trained, write_case
from stored import Origin

VOCABULARY, LENGTH, WIDTH = 61, 12, 32
NORMALIZATIONS = (nn.BatchNorm1D, nn.BatchNorm2D)
KINDS = {}


def add(name, family, build, inputs):
    KINDS[name] = (family, build, inputs)


def image(size):
    return lambda batch, generator: generator.standard_normal((batch, 3, size, size)).astype(np.float32)


def tokens(batch, generator):
    return generator.integers(0, VOCABULARY, (batch, LENGTH)).astype(np.int64)


class Cnn(nn.Layer):
    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2D(3, 8, 3, padding=1), nn.BatchNorm2D(8)
        self.deep, self.point = nn.Conv2D(8, 8, 3, stride=2, padding=1, groups=8), nn.Conv2D(8, 12, 1)
        self.pool, self.head = nn.MaxPool2D(2), nn.Linear(12, CLASSES)

    def forward(self, x):
        x = self.pool(F.relu(self.norm(self.first(x))))
        x = F.hardswish(self.point(F.silu(self.deep(x))))
        return self.head(x.mean([2, 3]))


class Transformer(nn.Layer):
    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(LENGTH, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 48, dropout=0.0, activation="gelu")
        self.encoder, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        y = self.tokens(x) + self.positions(paddle.arange(LENGTH))
        return self.head(self.encoder(y).mean(1))


class Recurrent(nn.Layer):
    def __init__(self):
        super().__init__()
        self.tokens, self.layer = nn.Embedding(VOCABULARY, 16), nn.LSTM(16, 24)
        self.head = nn.Linear(24, CLASSES)

    def forward(self, x):
        return self.head(self.layer(self.tokens(x))[0][:, -1])


def vision(name, **settings):
    return lambda: getattr(paddle.vision.models, name)(num_classes=CLASSES, **settings)


add("paddle-cnn", "image", Cnn, image(16))
add("paddle-transformer", "text", Transformer, tokens)
add("paddle-lstm", "recurrent", Recurrent, tokens)
add("paddle-resnet18", "image", vision("resnet18"), image(64))


def settled(model, x):
    """Weights moved off their initial values, and statistics of batch normalisations near those of a batch."""
    generator = np.random.default_rng(2)
    for weight in model.parameters():
        if not weight.stop_gradient:
            scale = 0.05 if len(weight.shape) < 2 else 0.01
            weight.set_value(weight.numpy() + (scale * generator.standard_normal(weight.shape)).astype(np.float32))
    norms = [layer for layer in model.sublayers() if isinstance(layer, NORMALIZATIONS)]
    momenta = [layer._momentum for layer in norms]
    for layer in norms:
        layer._momentum = 0.0
    model.train()
    model(x)
    for layer, momentum in zip(norms, momenta):
        layer._momentum = momentum
        variance = layer._variance.numpy()
        layer._variance.set_value(np.maximum(variance, 0.3 * variance.mean()))
    model.eval()
    return model


def trained(model):
    weights = {name: of for name, of in model.named_parameters() if not of.stop_gradient}

    def loss_and_gradients(inputs, labels):
        (x,) = inputs.values()
        model.clear_gradients()
        # Paddle has gradients of a recurrent layer in training mode only; there is nothing in it that differs.
        for layer in model.sublayers():
            if isinstance(layer, nn.LSTM):
                layer.train()
        loss = F.cross_entropy(model(paddle.to_tensor(x)), paddle.to_tensor(labels))
        loss.backward()
        return float(loss), {name: of.grad.numpy().astype(np.float64) for name, of in weights.items() if of.grad is not None}

    def derived(gradients):
        """The weights of LSTMs, in the order of gates that ONNX has, and both biases as one."""
        origins = []
        for prefix, layer in model.named_sublayers():
            if not isinstance(layer, nn.LSTM):
                continue
            for kinds in (["weight_ih"], ["weight_hh"], ["bias_ih", "bias_hh"]):
                names = tuple(f"{prefix}.{kind}_l0" for kind in kinds)
                value, gradient = ([in_order(of[name]) for name in names] for of in ({key: of.numpy() for key, of in weights.items()}, gradients))
                origins.append(Origin(names, np.concatenate(value).astype(np.float64), np.concatenate(gradient)))
        return origins

    return Trained({name: of.numpy() for name, of in weights.items()}, loss_and_gradients, derived)


def in_order(of):
    """Input, forget, cell and output gates as input, output, forget and cell."""
    gates = np.split(of, 4)
    return np.concatenate([gates[at] for at in (0, 3, 1, 2)])


def in_precision(dtype, build):
    paddle.set_default_dtype(dtype)
    paddle.seed(1)
    return build()


def exported(build, draw):
    def export(path):
        single = settled(in_precision("float32", build), paddle.to_tensor(draw(16, np.random.default_rng(3))))
        double = in_precision("float64", build)
        stored = single.state_dict()
        for name, of in double.state_dict().items():
            of.set_value(stored[name].numpy().astype(np.float64))
        double.eval()
        x = draw(2, np.random.default_rng(3))
        write(single, path, x)
        return Exported(trained(single), trained(double), lambda batch, generator: {"x": draw(batch, generator)})

    return export


def write(model, path, x):
    spec = paddle.static.InputSpec([None, *x.shape[1:]], str(x.dtype), "x")
    paddle.onnx.export(model, str(path.with_suffix("")), input_spec=[spec], opset_version=17)
    if not path.exists():
        raise RuntimeError("paddle2onnx wrote no file")


if __name__ == "__main__":
    out, *names = sys.argv[1:]
    for kind in names or KINDS:
        family, build, draw = KINDS[kind]
        write_case(out, kind, family, "Paddle", exported(build, draw))

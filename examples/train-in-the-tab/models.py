"""Two small networks with random weights, as PyTorch exports them.

    apt-get install python3-torch && /usr/bin/python3 models.py

Writes resnet-8.onnx and characters.onnx beside this file. In its training mode the exporter stores each parameter under its own name;
otherwise it would store equal ones, such as fresh offsets, once.
"""

import inspect
import math
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

FOLDER = Path(__file__).parent
CLASSES, WIDTHS = 10, (8, 16, 32)
VOCABULARY, LENGTH, WIDTH, HEADS = 64, 32, 48, 4


def conv(inputs, outputs, stride=1):
    layer = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
    return layer


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.stride, self.more = (1, 0) if inputs == outputs else (2, outputs - inputs)
        self.first, self.second = conv(inputs, outputs, self.stride), conv(outputs, outputs)

    def forward(self, x):
        branch = self.second(F.relu(self.first(x))) / math.sqrt(len(WIDTHS))
        if self.more:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return F.relu(x + branch)


class ResNet8(nn.Module):
    """He et al. 2016 for CIFAR, without normalisation: blocks are scaled by one over the root of their number instead."""

    def __init__(self):
        super().__init__()
        self.first = conv(3, WIDTHS[0])
        self.blocks = nn.Sequential(*[ResidualBlock(*of) for of in zip((WIDTHS[0], *WIDTHS), WIDTHS)])
        self.classifier = nn.Linear(WIDTHS[-1], CLASSES)

    def forward(self, images):
        x = self.blocks(F.relu(self.first(images)))
        return self.classifier(F.adaptive_avg_pool2d(x, 1).flatten(1))


class AttentionBlock(nn.Module):
    """Causal attention and two dense layers, each on what is normalised before (Radford et al. 2019)."""

    def __init__(self):
        super().__init__()
        self.norm, self.query, self.value = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm2, self.up, self.down = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.register_buffer("future", torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1))

    def forward(self, x):
        def split(y):
            return y.view(-1, LENGTH, HEADS, WIDTH // HEADS).transpose(1, 2)

        y = self.norm(x)
        scores = split(self.query(y)) @ split(self.key(y)).transpose(2, 3) / math.sqrt(WIDTH // HEADS)
        weights = scores.masked_fill(self.future, float("-inf")).softmax(-1)
        x = x + self.out((weights @ split(self.value(y))).transpose(1, 2).reshape(-1, LENGTH, WIDTH))
        return x + self.down(F.relu(self.up(self.norm2(x))))


class Characters(nn.Module):
    """A language model of two blocks."""

    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Parameter(0.1 * torch.randn(LENGTH, WIDTH))
        self.blocks = nn.Sequential(AttentionBlock(), AttentionBlock())
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, tokens):
        return self.head(self.norm(self.blocks(self.tokens(tokens) + self.positions)))


def export(name, network, input_name, example):
    # PyTorch 2 has two exporters.
    older = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    torch.onnx.export(
        network, (example,), str(FOLDER / f"{name}.onnx"), opset_version=17,
        training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False,
        input_names=[input_name], output_names=["logits"],
        dynamic_axes={input_name: {0: "batch"}, "logits": {0: "batch"}}, **older,
    )


torch.manual_seed(0)
export("resnet-8", ResNet8(), "images", torch.zeros(2, 3, 32, 32))
export("characters", Characters(), "tokens", torch.zeros(2, LENGTH, dtype=torch.int64))

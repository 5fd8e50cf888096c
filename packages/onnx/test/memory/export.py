"""Exports the networks whose memory `measure.mjs` measures, with random weights.

    pip install torch torchvision transformers onnx onnxscript
    python export.py <folder>
"""

import sys
from pathlib import Path

import torch
import torchvision
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

torch.manual_seed(0)


class LanguageModel(nn.Module):
    """GPT-2 from token ids `[N, T]` to logits `[N, T, V]`, without a cache."""

    def __init__(self, **sizes):
        super().__init__()
        self.model = GPT2LMHeadModel(GPT2Config(attn_implementation="eager", **sizes)).eval()

    def forward(self, ids):
        return self.model(input_ids=ids, use_cache=False).logits


def export(name, model, example, **options):
    path = str(Path(sys.argv[1]) / f"{name}.onnx")
    torch.onnx.export(model, (example,), path, output_names=["logits"], external_data=False, **options)


layers = [layer for _ in range(24) for layer in (nn.Linear(512, 512), nn.Tanh())]
export("mlp-24", nn.Sequential(*layers, nn.Linear(512, 10)), torch.randn(8192, 512))
gpt = LanguageModel(vocab_size=1000, n_embd=256, n_layer=12, n_head=4, n_positions=128)
export("gpt2-mini", gpt, torch.randint(0, 1000, (8, 128)))
# In training mode, so that its batch normalisations take the statistics of the batch, and move their own.
resnet = torchvision.models.resnet50(weights=None, num_classes=10)
images = torch.randn(16, 3, 128, 128)
export("resnet-50", resnet, images, dynamo=False, training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False)

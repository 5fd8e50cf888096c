"""The networks whose training steps are timed: of the sizes that people train, with random weights."""

from dataclasses import dataclass

import torch
from torch import nn

from kinds import BATCH, IMAGE_OPEN, KINDS, TEXT_OPEN, CausalLogits, Kind, TextLogits, hugging_face, image

CLASSES = 10
LENGTH = 128
# Rows of a batch of the kinds of docs/onnx-models.md, which are small.
SMALL_BATCH = 16


@dataclass(frozen=True)
class Network:
    kind: Kind
    batch: int
    # In training mode, as far as batch normalisations go.
    is_training: bool = False


def text(batch):
    return {
        "input_ids": torch.randint(3, 30000, (batch, LENGTH)),
        "attention_mask": torch.ones(batch, LENGTH, dtype=torch.int64),
    }


class WhisperEncoder(nn.Module):
    """The encoder of Whisper, and a classifier of the mean of its outputs, as for keywords."""

    def __init__(self, **settings):
        super().__init__()
        from transformers import WhisperConfig
        from transformers.models.whisper.modeling_whisper import WhisperEncoder as Encoder

        config = WhisperConfig(**settings)
        self.encoder = Encoder(config)
        self.classifier = nn.Linear(config.d_model, CLASSES)

    def forward(self, input_features):
        return self.classifier(self.encoder(input_features).last_hidden_state.mean(1))


def resnet50():
    from torchvision import models

    return models.resnet50(weights=None, num_classes=CLASSES)


def vit_tiny():
    import timm

    return timm.create_model("vit_tiny_patch16_224", pretrained=False, num_classes=CLASSES)


def bert(hidden, layers, heads, head="ForSequenceClassification"):
    settings = dict(hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=4 * hidden)
    return lambda: TextLogits(hugging_face(f"Bert{head}", "BertConfig", num_labels=CLASSES, **settings))


def gpt2():
    return CausalLogits(hugging_face("GPT2LMHeadModel", "GPT2Config", vocab_size=30522, n_embd=256, n_layer=4, n_head=4))


def whisper():
    return WhisperEncoder(d_model=384, encoder_layers=4, encoder_attention_heads=6, encoder_ffn_dim=1536)


def features(batch):
    return {"input_features": torch.randn(batch, 80, 3000)}


NETWORKS = {
    "resnet50": Network(Kind("image", resnet50, image(224), IMAGE_OPEN), 4),
    "resnet50-training": Network(Kind("image", resnet50, image(224), IMAGE_OPEN), 4, is_training=True),
    "vit-tiny": Network(Kind("image", vit_tiny, image(224), IMAGE_OPEN), 8),
    "bert-mini": Network(Kind("text", bert(256, 4, 4), text, TEXT_OPEN), 8),
    "gpt2-mini": Network(Kind("text", gpt2, text, TEXT_OPEN, 2), 4),
    "whisper-encoder": Network(Kind("audio", whisper, features, {"input_features": BATCH}), 1),
    "bert-base": Network(Kind("text", bert(768, 12, 12), text, TEXT_OPEN), 8),
}


def network_of(name):
    return NETWORKS[name] if name in NETWORKS else Network(KINDS[name], SMALL_BATCH)

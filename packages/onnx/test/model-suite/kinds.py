"""The kinds of model in the table: small ones, with random weights, of the architectures that people export.

Each kind is a function that builds the network and its inputs for a batch size. `text`, `image` and so on name the inputs'
sizes that exports leave open. The sizes are small: an architecture's operators do not depend on them.
"""

from dataclasses import dataclass
from typing import Callable

import torch
from torch import nn

KINDS: dict[str, "Kind"] = {}

CLASSES = 5
VOCABULARY = 61
LENGTH = 12


@dataclass(frozen=True)
class Kind:
    """A network, the function that makes its inputs for a batch size, and the sizes that stay open."""

    family: str
    build: Callable[[], nn.Module]
    inputs: Callable[[int], dict[str, torch.Tensor]]
    open: dict[str, dict[int, str]]
    class_axis: int = 1


BATCH = {0: "batch"}
SEQUENCE = {0: "batch", 1: "sequence"}


def add(name, family, build, inputs, open, class_axis=1):
    assert name not in KINDS, name
    KINDS[name] = Kind(family, build, inputs, open, class_axis)


# Inputs


def tokens(batch, length=LENGTH, vocabulary=VOCABULARY):
    return torch.randint(3, vocabulary, (batch, length))


def text(batch):
    """Sequences of several lengths: the first is whole, the others are padded at the end."""
    mask = torch.ones(batch, LENGTH, dtype=torch.int64)
    for row in range(1, batch):
        mask[row, LENGTH - row :] = 0
    return {"input_ids": tokens(batch), "attention_mask": mask}


def image(size, name="x"):
    return lambda batch: {name: torch.randn(batch, 3, size, size)}


TEXT_OPEN = {"input_ids": SEQUENCE, "attention_mask": SEQUENCE}
IMAGE_OPEN = {"x": BATCH}
PIXELS_OPEN = {"pixel_values": BATCH}


# Hugging Face's transformers


class Logits(nn.Module):
    """A network whose only output is the logits."""

    def __init__(self, net):
        super().__init__()
        self.net = net


class TextLogits(Logits):
    def forward(self, input_ids, attention_mask):
        return self.net(input_ids=input_ids, attention_mask=attention_mask).logits


class CausalLogits(Logits):
    def forward(self, input_ids, attention_mask):
        return self.net(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits


class TokenLogits(Logits):
    def forward(self, input_ids):
        return self.net(input_ids=input_ids, use_cache=False).logits


class Seq2SeqLogits(Logits):
    def forward(self, input_ids, attention_mask, decoder_input_ids):
        return self.net(
            input_ids=input_ids, attention_mask=attention_mask, decoder_input_ids=decoder_input_ids, use_cache=False
        ).logits


class ImageLogits(Logits):
    def forward(self, pixel_values):
        return self.net(pixel_values=pixel_values).logits


class FeatureLogits(Logits):
    def forward(self, input_values):
        return self.net(input_values).logits


class Features(nn.Module):
    """A backbone with a linear classifier on one of its outputs."""

    def __init__(self, net, width, output):
        super().__init__()
        self.net = net
        self.output = output
        self.classifier = nn.Linear(width, CLASSES)


class ImageFeatures(Features):
    def forward(self, pixel_values):
        return self.classifier(getattr(self.net(pixel_values=pixel_values), self.output))


class TextFeatures(Features):
    def forward(self, input_ids, attention_mask):
        return self.classifier(getattr(self.net(input_ids=input_ids, attention_mask=attention_mask), self.output))


class AudioDecoder(Logits):
    def forward(self, input_features, decoder_input_ids):
        return self.net(input_features=input_features, decoder_input_ids=decoder_input_ids, use_cache=False).logits


def hugging_face(model, config, **settings):
    import transformers

    return getattr(transformers, model)(getattr(transformers, config)(**settings))


ENCODER = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=48,
    max_position_embeddings=64,
    pad_token_id=0,
    num_labels=CLASSES,
)
DECODER = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=48,
    max_position_embeddings=64,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
)
GROUPED = dict(num_key_value_heads=2)
# PyTorch 2.15 cannot export what its fused attention returns under an added bias.
EAGER = dict(attn_implementation="eager")
SEQ2SEQ = dict(
    vocab_size=VOCABULARY,
    d_model=32,
    encoder_layers=2,
    decoder_layers=2,
    encoder_attention_heads=4,
    decoder_attention_heads=4,
    encoder_ffn_dim=48,
    decoder_ffn_dim=48,
    max_position_embeddings=64,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    decoder_start_token_id=1,
)


def encoder(name, prefix, head="ForSequenceClassification", wrapper=TextLogits, class_axis=1, **settings):
    given = {key: value for key, value in {**ENCODER, **settings}.items() if value is not None}
    build = lambda: wrapper(hugging_face(prefix + head, prefix + "Config", **given))
    add(name, "text", build, text, TEXT_OPEN, class_axis)


def decoder(name, prefix, head="ForCausalLM", wrapper=CausalLogits, **settings):
    build = lambda: wrapper(hugging_face(prefix + head, prefix + "Config", **{**DECODER, **settings}))
    if wrapper is TokenLogits:
        add(name, "text", build, lambda batch: {"input_ids": tokens(batch)}, {"input_ids": SEQUENCE}, 2)
    else:
        add(name, "text", build, text, TEXT_OPEN, 2)


def seq2seq(name, model, config, **settings):
    build = lambda: Seq2SeqLogits(hugging_face(model, config, **settings))
    inputs = lambda batch: {**text(batch), "decoder_input_ids": tokens(batch, 7)}
    add(name, "text", build, inputs, {**TEXT_OPEN, "decoder_input_ids": {0: "batch", 1: "target"}}, 2)


encoder("bert", "Bert")
encoder("bert-masked-lm", "Bert", "ForMaskedLM", class_axis=2)
encoder("roberta", "Roberta")
encoder("distilbert", "DistilBert", dim=32, n_layers=2, n_heads=4, hidden_dim=48)
encoder("albert", "Albert", embedding_size=16)
encoder("electra", "Electra", embedding_size=16)
encoder("deberta-v2", "DebertaV2", relative_attention=True, pos_att_type=["p2c", "c2p"], position_buckets=8)
encoder("mpnet", "MPNet")
encoder("xlm-roberta-tokens", "XLMRoberta", "ForTokenClassification", class_axis=2)
encoder("modernbert", "ModernBert", global_attn_every_n_layers=2, local_attention=8, cls_token_id=1, sep_token_id=2)
encoder("funnel", "Funnel", num_hidden_layers=None, num_attention_heads=None, hidden_size=None, block_sizes=[1, 1], d_model=32, n_head=4, d_head=8, d_inner=48)
encoder("xlnet", "XLNet", max_position_embeddings=None, d_model=32, n_layer=2, n_head=4, d_inner=48)
decoder("gpt2", "GPT2", "LMHeadModel", n_embd=32, n_layer=2, n_head=4, n_positions=64)
decoder("gpt-neox", "GPTNeoX")
decoder("opt", "OPT", ffn_dim=48, word_embed_proj_dim=32)
decoder("bloom", "Bloom", n_layer=2, n_head=4)
decoder("llama", "Llama", **GROUPED)
decoder("mistral", "Mistral", sliding_window=8, **GROUPED)
decoder("qwen2", "Qwen2", **GROUPED)
decoder("qwen3", "Qwen3", head_dim=8, **GROUPED)
decoder("gemma", "Gemma", head_dim=8, **GROUPED)
decoder("phi", "Phi")
decoder("falcon", "Falcon", new_decoder_architecture=True, num_kv_heads=2)
decoder("mamba", "Mamba", wrapper=TokenLogits, state_size=4, time_step_rank=4)
decoder("rwkv", "Rwkv", wrapper=TokenLogits, attention_hidden_size=32, context_length=64)
seq2seq(
    "t5",
    "T5ForConditionalGeneration",
    "T5Config",
    vocab_size=VOCABULARY,
    d_model=32,
    d_kv=8,
    d_ff=48,
    num_layers=2,
    num_heads=4,
    pad_token_id=0,
    eos_token_id=2,
    decoder_start_token_id=1,
    **EAGER,
)
seq2seq("bart", "BartForConditionalGeneration", "BartConfig", **SEQ2SEQ)
seq2seq("marian", "MarianMTModel", "MarianConfig", **SEQ2SEQ)
seq2seq("pegasus", "PegasusForConditionalGeneration", "PegasusConfig", **SEQ2SEQ)


# torchvision


def torchvision(name, size=64, model=None, family="image", **settings):
    def build():
        from torchvision import models

        return models.get_model(model or name, weights=None, num_classes=CLASSES, **settings)

    add(name, family, build, image(size), IMAGE_OPEN)


def small_image(name, make, size=64):
    def build():
        from torchvision import models

        return make(models)

    add(name, "image", build, image(size), IMAGE_OPEN)


def bottleneck():
    from torchvision.models.resnet import Bottleneck

    return Bottleneck


def with_classifier(net, width):
    """The network with fewer hidden units in its classifier, which has nearly all of its weights."""
    net.classifier = nn.Sequential(nn.Dropout(), nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, CLASSES))
    return net


def swin_v2(models):
    from torchvision.models.swin_transformer import PatchMergingV2, SwinTransformerBlockV2

    return models.SwinTransformer(**SWIN, block=SwinTransformerBlockV2, downsample_layer=PatchMergingV2)


torchvision("resnet18")
torchvision("resnet50")
small_image("wide-resnet", lambda models: models.ResNet(bottleneck(), [1, 1, 1, 1], CLASSES, width_per_group=128))
small_image("resnext", lambda models: models.ResNet(bottleneck(), [1, 1, 1, 1], CLASSES, groups=32, width_per_group=4))
small_image("vgg11_bn", lambda models: with_classifier(models.vgg11_bn(num_classes=1), 512 * 7 * 7), 224)
small_image("alexnet", lambda models: with_classifier(models.alexnet(num_classes=1), 256 * 6 * 6), 224)
torchvision("squeezenet1_1")
torchvision("densenet121")
torchvision("googlenet", 96, aux_logits=False, init_weights=False)
torchvision("inception_v3", 96, aux_logits=False, init_weights=False)
torchvision("mobilenet_v2")
torchvision("mobilenet_v3_small")
torchvision("efficientnet_b0")
torchvision("efficientnet_v2_s")
torchvision("mnasnet0_5")
torchvision("shufflenet_v2_x0_5")
torchvision("regnet_y_400mf")
torchvision("convnext_tiny")
small_image("vit", lambda models: models.VisionTransformer(32, 8, 2, 4, 48, 64, num_classes=CLASSES), 32)
SWIN = dict(patch_size=[4, 4], embed_dim=24, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4], num_classes=CLASSES)
small_image("swin", lambda models: models.SwinTransformer(**SWIN))
small_image("swin-v2", swin_v2)
small_image(
    "maxvit",
    lambda models: models.MaxVit((64, 64), 16, 4, [16, 32], [1, 1], 8, stochastic_depth_prob=0.1, num_classes=CLASSES),
)


# timm


def timm(name, model, size=64, family="image", **settings):
    def build():
        import timm

        return timm.create_model(model, pretrained=False, num_classes=CLASSES, **settings)

    add(name, family, build, image(size), IMAGE_OPEN)


timm("deit", "deit_tiny_distilled_patch16_224", img_size=64, depth=2)
timm("mlp-mixer", "mixer_s32_224", img_size=64)
timm("resmlp", "resmlp_12_224", img_size=64)
timm("poolformer", "poolformer_s12")
timm("coatnet", "coatnet_pico_rw_224", img_size=64)
timm("mobilevit", "mobilevit_xxs")
timm("edgenext", "edgenext_xx_small")
timm("ghostnet", "ghostnet_050")
timm("nf-regnet", "nf_regnet_b0")


# Segmentation


class Out(Logits):
    def forward(self, x):
        return self.net(x)["out"]


def segmentation(name, **settings):
    def build():
        from torchvision.models import segmentation as models

        return Out(getattr(models, name)(weights=None, weights_backbone=None, num_classes=CLASSES, **settings))

    add(name, "segmentation", build, image(64), IMAGE_OPEN)


segmentation("fcn_resnet50", aux_loss=False)
segmentation("deeplabv3_mobilenet_v3_large", aux_loss=False)
segmentation("lraspp_mobilenet_v3_large")


def unet():
    import segmentation_models_pytorch as smp

    return smp.Unet("resnet18", encoder_weights=None, classes=CLASSES)


add("unet", "segmentation", unet, image(64), IMAGE_OPEN)
add(
    "segformer",
    "segmentation",
    lambda: ImageLogits(
        hugging_face(
            "SegformerForSemanticSegmentation",
            "SegformerConfig",
            depths=[1, 1, 1, 1],
            hidden_sizes=[8, 16, 24, 32],
            num_attention_heads=[1, 2, 2, 4],
            decoder_hidden_size=16,
            num_labels=CLASSES,
        )
    ),
    image(64, "pixel_values"),
    PIXELS_OPEN,
)


# Sound

WHISPER = dict(SEQ2SEQ, num_mel_bins=16, max_source_positions=20, max_target_positions=32)
del WHISPER["max_position_embeddings"]
add(
    "whisper",
    "audio",
    lambda: AudioDecoder(hugging_face("WhisperForConditionalGeneration", "WhisperConfig", **WHISPER)),
    lambda batch: {"input_features": torch.randn(batch, 16, 40), "decoder_input_ids": tokens(batch, 7)},
    {"input_features": BATCH, "decoder_input_ids": {0: "batch", 1: "target"}},
    2,
)
WAV2VEC2 = dict(
    ENCODER,
    conv_dim=(16, 16),
    conv_stride=(5, 2),
    conv_kernel=(10, 3),
    num_feat_extract_layers=2,
    num_conv_pos_embeddings=8,
    num_conv_pos_embedding_groups=4,
    classifier_proj_size=16,
)
add(
    "wav2vec2",
    "audio",
    lambda: FeatureLogits(hugging_face("Wav2Vec2ForCTC", "Wav2Vec2Config", **WAV2VEC2)),
    lambda batch: {"input_values": torch.randn(batch, 400)},
    {"input_values": {0: "batch", 1: "samples"}},
    2,
)
add(
    "audio-spectrogram-transformer",
    "audio",
    lambda: FeatureLogits(
        hugging_face("ASTForAudioClassification", "ASTConfig", **dict(ENCODER, max_length=32, num_mel_bins=16, patch_size=8, frequency_stride=6, time_stride=6))
    ),
    lambda batch: {"input_values": torch.randn(batch, 32, 16)},
    {"input_values": BATCH},
)


# Recurrent


class Recurrent(nn.Module):
    """Embeddings, a recurrent layer and a classifier of the last step."""

    def __init__(self, layer, **settings):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 16)
        self.layer = layer(16, 24, batch_first=True, **settings)
        self.classifier = nn.Linear(24 * (2 if settings.get("bidirectional") else 1), CLASSES)

    def forward(self, input_ids):
        return self.classifier(self.layer(self.embedding(input_ids))[0][:, -1])


def recurrent(name, layer, **settings):
    add(name, "recurrent", lambda: Recurrent(layer, **settings), lambda batch: {"input_ids": tokens(batch)}, {"input_ids": BATCH})


recurrent("lstm", nn.LSTM, num_layers=2)
recurrent("gru", nn.GRU)
recurrent("lstm-bidirectional", nn.LSTM, bidirectional=True)


# Others


class PointNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.points = nn.Sequential(
            nn.Conv1d(3, 32, 1), nn.BatchNorm1d(32), nn.ReLU(), nn.Conv1d(32, 48, 1), nn.BatchNorm1d(48), nn.ReLU()
        )
        self.head = nn.Sequential(nn.Linear(48, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.3), nn.Linear(24, CLASSES))

    def forward(self, points):
        return self.head(self.points(points).max(dim=2).values)


class GraphNetwork(nn.Module):
    """Two graph convolutions, as products with the normalised adjacency, that classify each node."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 16)
        self.second = nn.Linear(16, CLASSES)

    def forward(self, nodes, adjacency):
        with_self = adjacency + torch.eye(adjacency.shape[-1], dtype=nodes.dtype)
        scale = with_self.sum(-1, keepdim=True).rsqrt()
        weights = scale * with_self * scale.transpose(-1, -2)
        return weights @ self.second(torch.relu(weights @ self.first(nodes)))


class Tabular(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = nn.ModuleList([nn.Embedding(size, 4) for size in (5, 7)])
        self.layers = nn.Sequential(nn.Linear(14, 32), nn.LayerNorm(32), nn.SiLU(), nn.Dropout(0.1), nn.Linear(32, CLASSES))

    def forward(self, categories, numbers):
        embedded = [embedding(categories[:, at]) for at, embedding in enumerate(self.embeddings)]
        return self.layers(torch.cat([*embedded, numbers], dim=1))


class TorchEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 32)
        layer = nn.TransformerEncoderLayer(32, 4, 48, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.classifier = nn.Linear(32, CLASSES)

    def forward(self, input_ids):
        return self.classifier(self.encoder(self.embedding(input_ids)).mean(1))


def adjacency(batch):
    edges = (torch.rand(batch, 9, 9) < 0.3).float()
    return torch.maximum(edges, edges.transpose(1, 2))


add("pointnet", "other", PointNet, lambda batch: {"points": torch.randn(batch, 3, 20)}, {"points": BATCH})
add(
    "graph-convolution",
    "other",
    GraphNetwork,
    lambda batch: {"nodes": torch.randn(batch, 9, 8), "adjacency": adjacency(batch)},
    {"nodes": BATCH, "adjacency": BATCH},
    2,
)
add(
    "tabular",
    "other",
    Tabular,
    lambda batch: {"categories": torch.randint(0, 5, (batch, 2)), "numbers": torch.randn(batch, 6)},
    {"categories": BATCH, "numbers": BATCH},
)
add("transformer-encoder", "other", TorchEncoder, lambda batch: {"input_ids": tokens(batch)}, {"input_ids": SEQUENCE})


def r3d_18():
    from torchvision.models.video import r3d_18

    return r3d_18(weights=None, num_classes=CLASSES)


add("r3d_18", "other", r3d_18, lambda batch: {"x": torch.randn(batch, 3, 4, 32, 32)}, IMAGE_OPEN)
CLIP = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4)
add(
    "clip-vision",
    "other",
    lambda: ImageFeatures(hugging_face("CLIPVisionModel", "CLIPVisionConfig", image_size=32, patch_size=8, **CLIP), 32, "pooler_output"),
    image(32, "pixel_values"),
    PIXELS_OPEN,
)
add(
    "clip-text",
    "other",
    lambda: TextFeatures(
        hugging_face("CLIPTextModel", "CLIPTextConfig", vocab_size=VOCABULARY, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0, **CLIP),
        32,
        "pooler_output",
    ),
    text,
    TEXT_OPEN,
)
add(
    "vit-hugging-face",
    "image",
    lambda: ImageLogits(hugging_face("ViTForImageClassification", "ViTConfig", image_size=32, patch_size=8, num_labels=CLASSES, **CLIP)),
    image(32, "pixel_values"),
    PIXELS_OPEN,
)

add(
    "beit",
    "image",
    lambda: ImageLogits(
        hugging_face(
            "BeitForImageClassification", "BeitConfig", image_size=32, patch_size=8, num_labels=CLASSES, use_relative_position_bias=True, **EAGER, **CLIP
        )
    ),
    image(32, "pixel_values"),
    PIXELS_OPEN,
)

if __name__ == "__main__":
    print("\n".join(KINDS))

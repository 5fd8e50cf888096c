"""Exports networks of Keras 3 with `model.export(format="onnx")`, and computes the gradients that Keras has for them.

    pip install keras tensorflow-cpu tf2onnx onnx
    python keras_models.py <folder> [<kind>…]

Writes what check.mjs reads, as export.py does for PyTorch. Gradients are TensorFlow's, of a copy in double precision.
"""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import onnx
import tensorflow as tf
from keras import layers

from other_exporters import CLASSES, Exported, Trained, write_case
from stored import Origin

VOCABULARY, LENGTH, WIDTH = 61, 12, 32
KINDS = {}


def add(name, family, build, inputs):
    KINDS[name] = (family, build, inputs)


def image(size):
    return lambda batch, generator: generator.standard_normal((batch, size, size, 3)).astype(np.float32)


def tokens(batch, generator):
    return generator.integers(0, VOCABULARY, (batch, LENGTH)).astype(np.int32)


def cnn():
    x = keras.Input((16, 16, 3), name="x")
    y = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    y = layers.BatchNormalization()(y)
    y = layers.MaxPooling2D()(y)
    y = layers.SeparableConv2D(12, 3, strides=2, padding="same", activation="silu")(y)
    return keras.Model(x, layers.Dense(CLASSES)(layers.GlobalAveragePooling2D()(y)))


class Positions(layers.Layer):
    """Token and position embeddings."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.tokens, self.positions = layers.Embedding(VOCABULARY, WIDTH), layers.Embedding(LENGTH, WIDTH)

    def call(self, x):
        return self.tokens(x) + self.positions(keras.ops.arange(LENGTH))


def tanh_gelu(x):
    """tf2onnx 1.17 has no operator for the exact one, which Keras computes with erfc."""
    return keras.activations.gelu(x, approximate=True)


def transformer():
    x = keras.Input((LENGTH,), dtype="int32", name="x")
    y = Positions()(x)
    for _ in range(2):
        attended = layers.MultiHeadAttention(4, WIDTH // 4)(y, y)
        y = layers.LayerNormalization()(y + attended)
        hidden = layers.Dense(48, activation=tanh_gelu)(y)
        y = layers.LayerNormalization()(y + layers.Dense(WIDTH)(hidden))
    return keras.Model(x, layers.Dense(CLASSES)(layers.GlobalAveragePooling1D()(y)))


def lstm():
    x = keras.Input((LENGTH,), dtype="int32", name="x")
    return keras.Model(x, layers.Dense(CLASSES)(layers.LSTM(24, unroll=True)(layers.Embedding(VOCABULARY, 16)(x))))


def application(name, **settings):
    def build():
        make = getattr(keras.applications, name)
        return make(weights=None, classes=CLASSES, classifier_activation=None, input_shape=(64, 64, 3), **settings)

    return build


add("keras-cnn", "image", cnn, image(16))
add("keras-transformer", "text", transformer, tokens)
add("keras-lstm", "recurrent", lstm, tokens)
add("keras-mobilenet-v2", "image", application("MobileNetV2", alpha=0.35), image(64))


def build_in(dtype, build):
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    keras.utils.set_random_seed(1)
    keras.backend.clear_session()
    return build()


def settled(model, x):
    """Weights moved off their initial values, and statistics of batch normalisations near those of a batch."""
    generator = np.random.default_rng(2)
    for weight in model.trainable_weights:
        scale = 0.05 if len(weight.shape) < 2 else 0.01
        weight.assign(weight.numpy() + (scale * generator.standard_normal(weight.shape)).astype(np.float32))
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, layers.BatchNormalization)]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    model(x, training=True)
    for layer, momentum in zip(norms, momenta):
        layer.momentum = momentum
        variance = layer.moving_variance.numpy()
        layer.moving_variance.assign(np.maximum(variance, 0.3 * variance.mean()))
    return model


def trained(model):
    weights = {weight.path: weight for weight in model.trainable_weights}

    def loss_and_gradients(inputs, labels):
        (x,) = inputs.values()
        with tf.GradientTape() as tape:
            logits = model(x, training=False)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
        found = tape.gradient(loss, [weight.value for weight in weights.values()])
        dense = [tf.convert_to_tensor(of).numpy() for of in found]
        return float(loss), {name: of.astype(np.float64) for name, of in zip(weights, dense)}

    def derived(gradients):
        """The factor and the offset of each batch normalisation, which are stored in place of its parameters."""
        origins = []
        for layer in model._flatten_layers():
            if not isinstance(layer, layers.BatchNormalization):
                continue
            gamma, beta, mean, variance = (of.numpy().astype(np.float64) for of in (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance))
            scale = 1 / np.sqrt(variance + layer.epsilon)
            ofGamma, ofBeta = gradients[layer.gamma.path], gradients[layer.beta.path]
            names = (layer.gamma.path, layer.beta.path)
            origins.append(Origin(names, gamma * scale, ofGamma / scale + mean * ofBeta))
            origins.append(Origin(names, beta - mean * gamma * scale, ofBeta))
        return origins

    return Trained({name: of.numpy() for name, of in weights.items()}, loss_and_gradients, derived)


def write(model, path):
    """Writes a model, and returns the name that Keras gives its input."""
    model.export(str(path), format="onnx", verbose=False)
    (given,) = onnx.load(str(path)).graph.input
    return given.name


def exported(build, draw):
    def export(path):
        single = settled(build_in("float32", build), draw(16, np.random.default_rng(3)))
        name = write(single, path)
        double = build_in("float64", build)
        for target, source in zip(double.weights, single.weights):
            target.assign(source.numpy().astype(np.float64))
        double(draw(2, np.random.default_rng(3)).astype(double.inputs[0].dtype))
        name_in_double = write(double, path.with_name("double.onnx"))
        return Exported(trained(single), trained(double), lambda batch, generator: {name: draw(batch, generator)}, name_in_double)

    return export


if __name__ == "__main__":
    out, *names = sys.argv[1:]
    for kind in names or KINDS:
        family, build, draw = KINDS[kind]
        write_case(out, kind, family, "Keras", exported(build, draw))

"""Prints the table of docs/judge.md: gradients of PyTorch, JAX and ONNX Runtime, judged by `pnpm judge`.

    pnpm build && python3 tools/judge-table/table.py

It needs a Python with NumPy, ml_dtypes, JAX and PyTorch (Debian: apt-get install python3-torch, then a virtual environment
with --system-site-packages and pip install jax). ONNX Runtime is the one of `pnpm gradient --backend onnxruntime-cpu`.
"""

import json
import pathlib
import subprocess
import tempfile

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import torch

MAIN = pathlib.Path(__file__).parents[2] / "apps/runner/dist/main.js"
ROWS, CLASSES = 64, 10
PROBABILITIES = [0.9, 0.99, 0.999]
NUMPY = {"float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
# An offset at which neighbouring numbers of the dtype are still close enough to tell the probabilities apart.
OFFSETS = {"float32": 1000, "bfloat16": 16, "float16": 100}
# Finite in each dtype.
LOW = {"float32": -1e9, "bfloat16": -1e9, "float16": -6e4}
LABELS = np.arange(ROWS) % CLASSES
# A mean would make float16 entries subnormal.
REDUCTION = ["--reduction", "sum"]


def logits_of(probability, dtype, kind):
    """Standard normal logits, the label's such that it has the probability; every fourth class may be masked."""
    x = np.random.default_rng(1).standard_normal((ROWS, CLASSES))
    rows = np.arange(ROWS)
    masked = (np.arange(CLASSES) - LABELS[:, None]) % 4 == 2 if kind in ("−∞", "low") else np.zeros_like(x, bool)
    others = np.exp(np.where(masked, -np.inf, x))
    others[rows, LABELS] = 0
    x[rows, LABELS] = np.log(probability / (1 - probability)) + np.log(others.sum(axis=1))
    x[masked] = -np.inf if kind == "−∞" else LOW[dtype]
    return (x + (OFFSETS[dtype] if kind == "offset" else 0)).astype(NUMPY[dtype])


def pytorch(x, dtype):
    logits = torch.tensor(x.astype(np.float64).tolist(), dtype=getattr(torch, dtype), requires_grad=True)
    torch.nn.functional.cross_entropy(logits, torch.tensor(LABELS.tolist()), reduction="sum").backward()
    return np.array(logits.grad.tolist()).astype(NUMPY[dtype])


def jax_(x, dtype):
    def loss(logits):
        return -jax.nn.log_softmax(logits)[jnp.arange(ROWS), LABELS].sum()

    return np.asarray(jax.jit(jax.grad(loss))(jnp.asarray(x)))


def onnxruntime(x, dtype):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        np.save(folder / "x.npy", x)
        np.save(folder / "t.npy", LABELS)
        arrays = ["--logits", folder / "x.npy", "--labels", folder / "t.npy", "--out", folder / "out"]
        run("gradient", *arrays, *REDUCTION, "--backend", "onnxruntime-cpu", "--method", "manual/fused")
        return np.load(folder / "out/onnxruntime-cpu/manual/fused/gradient.npy")


def run(*arguments):
    done = subprocess.run(["node", MAIN, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode == 2:
        raise SystemExit(done.stderr)
    return done.stdout


def judged(x, gradient, dtype):
    """The largest errors of target and tail entries, in ULP."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        arrays = {"logits": x, "labels": LABELS, "gradient": gradient}
        for flag, array in arrays.items():
            np.save(folder / f"{flag}.npy", array)
        flags = [part for flag in arrays for part in (f"--{flag}", folder / f"{flag}.npy")]
        groups = json.loads(run("judge", *flags, *REDUCTION, "--dtype", dtype, "--json"))["gradient"]["groups"]
    return [max(float(g["maxUlp"]) for g in groups if g["kind"] == kind) for kind in ("target", "tail")]


def text(ulp):
    return f"{ulp:,.0f}" if ulp < 1e7 else f"{ulp:.1e}".replace("e+0", "e")


KINDS = {"plain": "standard normal", "offset": "offset", "−∞": "masked, −∞", "low": "masked, finite"}
GRADIENTS = [
    ("PyTorch", pytorch, ["float32", "bfloat16"]),
    ("JAX", jax_, ["float32", "bfloat16", "float16"]),
    ("ONNX Runtime", onnxruntime, ["float32"]),
]


def main():
    print(f"PyTorch {torch.__version__}, JAX {jax.__version__}, NumPy {np.__version__}\n")
    print("| gradient | dtype | logits |", " | ".join(f"p = {p}" for p in PROBABILITIES), "|")
    print("| --- | --- | --- |" + " ---: |" * len(PROBABILITIES))
    for name, gradient_of, dtypes in GRADIENTS:
        for dtype in dtypes:
            for kind, words in KINDS.items():
                cells = []
                for probability in PROBABILITIES:
                    x = logits_of(probability, dtype, kind)
                    target, tail = judged(x, gradient_of(x, dtype), dtype)
                    cells.append(f"{text(target)} / {text(tail)}")
                shown = {"offset": f"offset +{OFFSETS[dtype]}", "low": f"masked, {LOW[dtype]:.0e}".replace("e+0", "e").replace("-", "−")}.get(kind, words)
                print(f"| {name} | {dtype} | {shown} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()

"""The node tests of the ONNX project, as one file of JSON lines.

    pip install onnx==1.23.2 && python export.py node-suite.jsonl

A line is a case: its name, its tolerances, and – as protobufs in base64 – its model, inputs and expected outputs. What is no
tensor (a sequence, an optional) is null.
"""

import json
import sys
import warnings
from base64 import b64encode

import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases


def encoded(message):
    return b64encode(message.SerializeToString()).decode()


def tensor(value):
    if isinstance(value, onnx.TensorProto):
        return encoded(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return encoded(onnx.numpy_helper.from_array(np.asarray(value)))
    return None


def line(case):
    ((inputs, outputs),) = case.data_sets
    return json.dumps(
        {
            "name": case.name,
            "rtol": case.rtol,
            "atol": case.atol,
            "model": encoded(case.model),
            "inputs": [tensor(value) for value in inputs],
            "outputs": [tensor(value) for value in outputs],
        }
    )


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    with open(sys.argv[1], "w") as file:
        print(json.dumps({"onnx": onnx.__version__}), file=file)
        for case in collect_testcases(None):
            print(line(case), file=file)

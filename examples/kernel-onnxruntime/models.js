import {
  differentiate,
  input,
  legalize,
  matMul,
  mul,
  optimize,
  scalar,
  softmaxCrossEntropyLoss,
  sub,
} from "@softmax-bench/graph";
import { ONNXRUNTIME_CPU, serialize } from "@softmax-bench/onnx";

const RATE = scalar(1, "float32");

/** A graph as the bytes of an ONNX model. */
const toModel = (graph) => serialize(legalize(optimize(graph), ONNXRUNTIME_CPU));

/** A linear classifier as ONNX models: a whole step of training, or the step without its loss, in two halves. */
export function createModels({ rows, inputs, classes }) {
  const batch = input("batch", "float32", [rows, inputs]);
  const weights = input("weights", "float32", [inputs, classes]);
  const logits = matMul(batch, weights);
  const updated = (gradient) => sub(weights, mul(RATE, gradient));

  const labels = input("labels", "int64", [rows]);
  const { loss } = softmaxCrossEntropyLoss(logits, labels);
  const [ofLoss] = differentiate(loss, [weights]);

  const upstream = input("upstream", "float32", [rows, classes]);
  const [ofLogits] = differentiate(logits, [weights], upstream);

  return {
    step: toModel({
      name: "step",
      inputs: [batch, weights, labels],
      outputs: { loss, updated: updated(ofLoss) },
    }),
    forward: toModel({ name: "forward", inputs: [batch, weights], outputs: { logits } }),
    backward: toModel({
      name: "backward",
      inputs: [batch, weights, upstream],
      outputs: { updated: updated(ofLogits) },
    }),
  };
}

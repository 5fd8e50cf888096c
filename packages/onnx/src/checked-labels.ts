import {
  constant,
  equal,
  GraphError,
  gather,
  inputName,
  less,
  mul,
  reduceMean,
  scalar,
  substitute,
  tensor,
  type Value,
  where,
} from "@softmax-bench/graph";
import type { Head } from "./head.js";

/** The label that PyTorch's `cross_entropy` ignores by default. */
export const IGNORED_LABEL = -100;

/**
 * A head that computes nothing from labels that are neither a class nor the ignored one. ONNX Runtime's CPU provider
 * fails with one ("indices element out of data bounds"). In a runtime that does not check positions, loss and gradient
 * are NaN.
 *
 * @param head its input `labels` has class indices `[N]`
 */
export function withCheckedLabels(head: Head, classes: number, ignoreIndex: number | undefined): Head {
  const labels = head.inputs.find((of) => inputName(of) === "labels");
  if (!labels) throw new GraphError("a head needs an input labels, to check them");
  const checked = checkedLabels(labels, classes, ignoreIndex);
  const { loss, gradient } = head;
  const outputs = substitute(
    { name: "head", inputs: head.inputs, outputs: { loss, ...(gradient && { gradient }) } },
    new Map([[labels, checked]]),
  );
  const { dtype } = loss;
  const marks = where(equal(checked, labels), scalar(1, dtype), scalar(Number.NaN, dtype));
  const oneOrNaN = reduceMean(marks);
  return {
    ...head,
    loss: mul(outputs.loss ?? loss, oneOrNaN),
    ...(outputs.gradient && { gradient: mul(outputs.gradient, oneOrNaN) }),
  };
}

/**
 * The labels, each class looked up in a table of them. Negative positions, which count from the end, become one beyond
 * it.
 */
function checkedLabels(labels: Value, classes: number, ignoreIndex: number | undefined): Value {
  const number = (value: number) => scalar(value, labels.dtype);
  const table = constant(tensor(labels.dtype, [classes], countTo(classes)));
  const position = where(less(labels, number(0)), number(classes), labels);
  if (ignoreIndex === undefined) return gather(table, position, 0);
  const ignored = equal(labels, number(ignoreIndex));
  return where(ignored, labels, gather(table, where(ignored, number(0), position), 0));
}

function* countTo(count: number): Generator<number> {
  for (let at = 0; at < count; at++) yield at;
}

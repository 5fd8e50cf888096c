import {
  constantTensor,
  type Graph,
  type Tensor as HostTensor,
  inputName,
  type Node,
  topologicalOrder,
  type Value,
} from "@softmax-bench/graph";
import * as tf from "@tensorflow/tfjs-core";
import { OP_TABLE } from "./op-table.js";
import { tfjsDType } from "./support.js";

/**
 * Runs a graph op by op on the active TensorFlow.js backend. Inside `tf.grad` the tape sees every op; inside
 * `tf.tidy` the intermediate tensors are released.
 * @throws Error if an operator has no entry in the op table, or an input is not fed.
 */
export function interpret<Output extends string>(
  graph: Graph,
  feeds: Readonly<Record<string, tf.Tensor>>,
): Record<Output, tf.Tensor> {
  const tensors = new Map<Value, tf.Tensor>();
  for (const node of topologicalOrder(Object.values(graph.outputs))) {
    const made = compute(node, tensors, feeds);
    for (const [position, tensor] of made.entries()) {
      const output = node.outputs[position];
      if (output) tensors.set(output, tensor);
    }
  }
  const outputs = Object.entries(graph.outputs).map(([name, value]) => [name, tensors.get(value)]);
  return Object.fromEntries(outputs) as Record<Output, tf.Tensor>;
}

function compute(
  node: Node,
  tensors: ReadonlyMap<Value, tf.Tensor>,
  feeds: Readonly<Record<string, tf.Tensor>>,
): readonly tf.Tensor[] {
  if (node.op === "Constant") return [fromHost(constantTensor(node))];
  const [first] = node.outputs;
  if (node.op === "Input" && first) {
    const fed = feeds[inputName(first)];
    if (!fed) throw new Error(`input "${inputName(first)}" was not fed`);
    return [fed];
  }
  const read = OP_TABLE[node.op];
  if (!read) throw new Error(`${node.op} is not in TensorFlow.js's op table`);
  const made = read(
    node,
    node.inputs.map((input) => tensors.get(input) as tf.Tensor),
  );
  return Array.isArray(made) ? made : [made as tf.Tensor];
}

const fromHost = ({ data, shape, dtype }: HostTensor): tf.Tensor =>
  tf.tensor(Array.from(data, Number), [...shape], tfjsDType(dtype));

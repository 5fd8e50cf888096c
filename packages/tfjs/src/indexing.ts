import type { Node } from "@softmax-bench/graph";
import * as tf from "@tensorflow/tfjs-core";

/**
 * The cast comes afterwards: the wasm kernel writes integers into the buffer even if float32 is requested. `tf.oneHot`
 * rejects a depth of 1.
 */
export function oneHot(indices: tf.Tensor, depth: number): tf.Tensor {
  const rows = depth === 1 ? tf.equal(tf.expandDims(indices, -1), 0) : tf.oneHot(indices, depth);
  return tf.cast(rows, "float32");
}

/** [row, column] pairs for indices [N, 1] along axis 1, the one case that losses need. */
function rowPairs(node: Node, indices: tf.Tensor): tf.Tensor {
  const [rows, width] = indices.shape;
  if (Number(node.attributes.axis) !== 1 || indices.rank !== 2 || width !== 1) {
    throw new Error(`${node.op} is supported for one index per row, got indices [${indices.shape}]`);
  }
  return tf.stack([tf.range(0, rows as number, 1, "int32"), tf.reshape(indices, [-1])], 1);
}

/**
 * TensorFlow.js has no gradient for GatherNd: here it is a matrix of zeros with the upstream gradient at the indices.
 */
export function gatherRows(node: Node, x: tf.Tensor, indices: tf.Tensor): tf.Tensor {
  const pairs = rowPairs(node, indices);
  return tf.customGrad((...given) => {
    const [operand, save] = given as unknown as [tf.Tensor, tf.GradSaveFunc];
    save([pairs]);
    return {
      value: tf.reshape(tf.gatherND(operand, pairs), indices.shape),
      gradFunc: (upstream: tf.Tensor, [saved]: tf.Tensor[]) =>
        tf.tensorScatterUpdate(tf.zeros(x.shape), saved as tf.Tensor, tf.reshape(upstream, [-1])),
    };
  })(x);
}

export function scatterRows(node: Node, x: tf.Tensor, indices: tf.Tensor, updates: tf.Tensor): tf.Tensor {
  const pairs = rowPairs(node, indices);
  const flat = tf.reshape(updates, [-1]);
  const values = node.attributes.reduction === "add" ? tf.add(flat, tf.gatherND(x, pairs)) : flat;
  return tf.tensorScatterUpdate(x, pairs, values);
}

/**
 * Elements start, start + step, … along an axis. The tape has no gradient for a strided slice, and the wasm backend has
 * no kernel for that of a gather: here it is the first column of a matrix with `step` columns.
 */
export function stridedSlice(
  x: tf.Tensor,
  axis: number,
  start: number,
  step: number,
  size: number,
): tf.Tensor {
  const length = x.shape[axis] as number;
  if (step < 0) return stridedSlice(tf.reverse(x, axis), axis, length - 1 - start, -step, size);
  const [outer, inner] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)].map((sizes) =>
    sizes.reduce((a, b) => a * b, 1),
  ) as [number, number];
  const taken = Math.min(size * step, length - start);
  const rows = tf.slice(tf.reshape(x, [outer, length, inner]), [0, start, 0], [outer, taken, inner]);
  const filled = tf.pad(rows, [
    [0, 0],
    [0, size * step - taken],
    [0, 0],
  ]);
  const columns = tf.slice(tf.reshape(filled, [outer * size, step * inner]), [0, 0], [outer * size, inner]);
  return tf.reshape(columns, x.shape.with(axis, size));
}

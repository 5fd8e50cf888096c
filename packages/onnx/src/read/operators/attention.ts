import {
  add,
  concat,
  div,
  equal,
  expand,
  gather,
  less,
  matMul,
  mul,
  pad,
  range,
  reduceMax,
  reshape,
  scalar,
  slice,
  softmax,
  split,
  sub,
  tanh,
  transpose,
  transposeMatrices,
  unsqueeze,
  type Value,
  where,
} from "@softmax-bench/graph";
import type { OnnxNode } from "../node.js";
import type { Reader, Readers } from "./reader.js";

/** ONNX's operators of transformers, after the function bodies of the specification. */

/** `[B, S, heads · D]` as `[B, heads, S, D]`. */
function splitHeads(node: OnnxNode, x: Value, heads: number): Value {
  if (x.shape.length === 4) return x;
  const [batch = 0, length = 0, width = 0] = x.shape;
  if (x.shape.length !== 3 || !(heads >= 1) || width % heads !== 0) {
    node.fail(`takes [B, heads, S, D], or [B, S, heads · D] with a number of heads, got [${x.shape}]`);
  }
  return transpose(reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** Repeats each head of keys or values for the heads of queries that share it. */
function sharedHeads(x: Value, heads: number): Value {
  const [batch = 0, own = 0, length = 0, width = 0] = x.shape;
  if (own === heads) return x;
  const shape = [batch, own, heads / own, length, width];
  return reshape(expand(unsqueeze(x, [2]), shape), [batch, heads, length, width]);
}

const infinity = (x: Value): Value => scalar(Number.NEGATIVE_INFINITY, x.dtype);

/** 0 if a query may see a key, otherwise −∞ or the mask's own number; undefined if each sees all. */
function buildMask(node: OnnxNode, scores: Value, past: number): Value | undefined {
  const [queries = 0, keys = 0] = scores.shape.slice(-2);
  const given = node.optional(3);
  const zero = scalar(0, scores.dtype);
  const bias = given && (given.dtype === "bool" ? where(given, zero, infinity(scores)) : given);
  // A mask with fewer keys excludes the others.
  const missing = bias ? keys - (bias.shape.at(-1) as number) : 0;
  const rank = bias?.shape.length ?? 0;
  const whole =
    bias && missing > 0
      ? pad(bias, [...new Array<number>(2 * rank - 1).fill(0), missing], Number.NEGATIVE_INFINITY)
      : bias;
  if (!node.flag("is_causal")) return whole;
  const row = reshape(range(past, past + queries, 1, "int64"), [queries, 1]);
  const causal = where(less(row, range(0, keys, 1, "int64")), infinity(scores), zero);
  return whole ? add(whole, causal) : causal;
}

/** Softmax over the last axis; 0 for queries that see no key at all. */
function softmaxOfSome(scores: Value): Value {
  const [zero, last] = [scalar(0, scores.dtype), scores.shape.length - 1];
  const isBlind = equal(reduceMax(scores, { axes: [last], keepdims: true }), infinity(scores));
  return where(isBlind, zero, softmax(where(isBlind, zero, scores), last));
}

const attention: Reader = (node) => {
  const [queryHeads, keyHeads] = [node.int("q_num_heads", 0), node.int("kv_num_heads", 0)];
  const [given, pastKey, pastValue] = [node.input(0), node.optional(4), node.optional(5)];
  const q = splitHeads(node, given, queryHeads);
  const [ownKey, ownValue] = [
    splitHeads(node, node.input(1), keyHeads),
    splitHeads(node, node.input(2), keyHeads),
  ];
  const key = pastKey ? concat([pastKey, ownKey], 2) : ownKey;
  const value = pastValue ? concat([pastValue, ownValue], 2) : ownValue;
  const [batch = 0, heads = 0, length = 0, width = 1] = q.shape;
  if (node.has(6)) node.fail("nonpad_kv_seqlen is not supported");
  node.ignore("softmax_precision");
  const root = Math.sqrt(node.hasAttribute("scale") ? node.float("scale", 1) : 1 / Math.sqrt(width));
  const scaled = (x: Value) => mul(x, scalar(root, x.dtype));
  const raw = matMul(scaled(q), transposeMatrices(scaled(sharedHeads(key, heads))));
  const mask = buildMask(node, raw, pastKey?.shape[2] ?? 0);
  const limit = node.float("softcap", 0);
  const cap = scalar(limit, raw.dtype);
  const capped = limit > 0 ? mul(cap, tanh(div(raw, cap))) : raw;
  const masked = mask ? add(capped, mask) : capped;
  const weights = mask ? softmaxOfSome(masked) : softmax(masked, 3);
  const y = matMul(weights, sharedHeads(value, heads));
  const mode = node.int("qk_matmul_output_mode", 0);
  const shown =
    [raw, capped, masked, weights][mode] ?? node.fail(`qk_matmul_output_mode ${mode} is not known`);
  const together = reshape(transpose(y, [0, 2, 1, 3]), [batch, length, heads * (y.shape[3] as number)]);
  return [given.shape.length === 3 ? together : y, key, value, shown];
};

/** Rotates pairs of elements of each head by angles whose cosines and sines are given by position. */
const rotary: Reader = (node) => {
  const given = node.input(0);
  const x = splitHeads(node, given, node.int("num_heads", 0));
  const [batch = 0, heads = 0, length = 0, width = 0] = x.shape;
  const turned = node.int("rotary_embedding_dim", 0) || width;
  const half = turned / 2;
  const positions = node.optional(3);
  const table = (cache: Value) => {
    const rows = positions ? gather(cache, positions, 0) : cache;
    if (rows.shape.at(-1) !== half)
      node.fail(`a cache of ${rows.shape.at(-1)} columns does not fit ${turned} elements`);
    return reshape(rows, [batch, 1, length, half]);
  };
  const [cosine, sine] = [table(node.input(1)), table(node.input(2))];
  const moving = slice(x, 3, 0, turned);
  const isInterleaved = node.flag("interleaved");
  const [a, b] = isInterleaved
    ? [slice(moving, 3, 0, turned, 2), slice(moving, 3, 1, turned, 2)]
    : (split(moving, [half, half], 3) as readonly [Value, Value]);
  const [real, imaginary] = [sub(mul(cosine, a), mul(sine, b)), add(mul(sine, a), mul(cosine, b))];
  const joined = isInterleaved
    ? reshape(concat([unsqueeze(real, [4]), unsqueeze(imaginary, [4])], 4), [batch, heads, length, turned])
    : concat([real, imaginary], 3);
  const y = turned === width ? joined : concat([joined, slice(x, 3, turned, width)], 3);
  return given.shape.length === 4 ? y : reshape(transpose(y, [0, 2, 1, 3]), given.shape);
};

export const ATTENTION: Readers = { Attention: attention, RotaryEmbedding: rotary };

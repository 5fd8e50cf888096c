import {
  add,
  cast,
  concat,
  conv,
  exp,
  expand,
  isHalf,
  matMul,
  mul,
  reshape,
  type Shape,
  scalar,
  sigmoid,
  slice,
  sub,
  transposeMatrices,
  type Value,
} from "@softmax-bench/graph";
import type { OnnxNode } from "../node.js";
import type { Reader, Readers } from "./reader.js";

const zeros = (shape: Shape, dtype: Value["dtype"]): Value => expand(scalar(0, dtype), shape);

/** The rows of one position of `[B, T, heads · width]`, as `[B, heads, 1, width]`. */
function atPosition(x: Value, position: number, heads: number): Value {
  const [batch = 0, , width = 0] = x.shape;
  return reshape(slice(x, 1, position, position + 1), [batch, heads, 1, width / heads]);
}

/** A number for each head, or for each of its keys: as a factor of the state `[B, heads, keys, values]`. */
function factorAt(node: OnnxNode, x: Value, position: number, heads: number, keys: number): Value {
  const [batch = 0, , width = 0] = x.shape;
  const row = slice(x, 1, position, position + 1);
  if (width === heads * keys) return reshape(row, [batch, heads, keys, 1]);
  if (width === heads || width === 1) return reshape(row, [batch, width, 1, 1]);
  return node.fail(`${width} numbers for each position do not fit ${heads} heads of ${keys} keys`);
}

const RULES = ["linear", "gated", "delta", "gated_delta"];

/** ONNX `LinearAttention`, position after position: memory grows with their number. */
const linearAttention: Reader = (node) => {
  const stored = node.input(0).dtype;
  // States are sums of many numbers: in half precision they are kept in float32, as in the operator's function body.
  const computed = isHalf(stored) ? "float32" : stored;
  const read = (position: number) => cast(node.input(position), computed);
  const [query, key, value] = [read(0), read(1), read(2)];
  const heads = node.int("kv_num_heads", 0);
  const queries = node.int("q_num_heads", 0);
  const rule = node.string("update_rule", "gated_delta");
  node.ignore("chunk_size");
  if (!RULES.includes(rule)) node.fail(`update_rule ${rule} is not known`);
  const [batch = 0, length = 0, keyWidth = 0] = key.shape;
  const valueWidth = value.shape[2] ?? 0;
  const [keys, values, shared] = [keyWidth / heads, valueWidth / heads, queries / heads];
  if (![keys, values, shared].every(Number.isInteger))
    node.fail(
      `${heads} and ${queries} heads do not fit [${query.shape}], [${key.shape}] and [${value.shape}]`,
    );
  const given = node.float("scale", 0);
  const scale = scalar(given === 0 ? 1 / Math.sqrt(keys) : given, query.dtype);
  const isGated = rule.includes("gated");
  const isDelta = rule.includes("delta");
  const decay = isGated ? read(4) : undefined;
  const beta = isDelta ? read(5) : undefined;
  const past = node.optional(3);
  let state = past ? cast(past, computed) : zeros([batch, heads, keys, values], computed);
  const outputs: Value[] = [];
  for (let position = 0; position < length; position++) {
    const [k, v] = [atPosition(key, position, heads), atPosition(value, position, heads)];
    if (decay) state = mul(state, exp(factorAt(node, decay, position, heads, keys)));
    // As in the operator's definition, whatever is remembered for a key decays before it is subtracted.
    const difference = isDelta ? sub(v, matMul(k, state)) : v;
    const rate = beta && factorAt(node, beta, position, heads, keys);
    const added = rate ? mul(rate, difference) : difference;
    state = add(state, matMul(transposeMatrices(k), added));
    const q = reshape(slice(query, 1, position, position + 1), [batch, heads, shared, keys]);
    outputs.push(reshape(mul(matMul(q, state), scale), [batch, 1, queries * values]));
  }
  const y = length === 0 ? zeros([batch, 0, queries * values], computed) : concat(outputs, 1);
  return [cast(y, stored), cast(state, past?.dtype ?? stored)];
};

/** ONNX `CausalConvWithState`: a depthwise convolution of x `[B, C, L]` with what came before it. */
const causalConv: Reader = (node) => {
  const [x, filter, bias] = [node.input(0), node.input(1), node.optional(2)];
  const [batch = 0, channels = 0] = x.shape;
  const before = (filter.shape[2] ?? 1) - 1;
  const past = node.optional(3) ?? zeros([batch, channels, before], x.dtype);
  const whole = before === 0 ? x : concat([past, x], 2);
  const length = whole.shape[2] as number;
  const y = conv(whole, filter, bias, { group: channels });
  const activation = node.string("activation", "none");
  if (!["none", "silu", "swish"].includes(activation)) node.fail(`activation ${activation} is not known`);
  return [activation === "none" ? y : mul(y, sigmoid(y)), slice(whole, 2, length - before, length)];
};

export const LINEAR_ATTENTION: Readers = {
  LinearAttention: linearAttention,
  CausalConvWithState: causalConv,
};

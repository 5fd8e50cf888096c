import type { Attribute, Attributes, Node, Value } from "../graph.js";
import { applyAll } from "../op.js";
import type { Tensor } from "../tensor.js";
import type { Rule } from "./rewrite.js";

/** Larger constants, in bytes, are equal only if they share their data. */
const COMPARED_BYTES = 8192;

/** Numbers of nodes and of large data, and keys of attributes: of one graph after the other, as most of each stays. */
const numbers = new WeakMap<object, number>();
let given = 0;
const attributeKeys = new WeakMap<Attributes, string>();

/**
 * Common-subexpression elimination: merges nodes of one operator with the same attributes and the same inputs.
 * Bit-identical. The rule remembers the nodes it has seen: create one for each graph.
 */
export function mergeCommonSubexpressions(): Rule {
  const seen = new Map<string, readonly Value[]>();
  return (node, inputs) => {
    if (node.op === "Input") return undefined;
    const key = keyOf(node, inputs);
    const first = seen.get(key);
    if (first) return first[0]?.node === node ? undefined : first;
    const isUnchanged = inputs.every((input, position) => input === node.inputs[position]);
    // Rebuilt here, so that one round merges whole chains of nodes.
    const outputs = isUnchanged ? node.outputs : applyAll(node.op, inputs, node.attributes);
    seen.set(key, outputs);
    return isUnchanged ? undefined : outputs;
  };
}

const keyOf = ({ op, attributes }: Node, inputs: readonly Value[]): string =>
  `${op} ${inputs.map(({ node, output }) => `${numberOf(node)}:${output}`)} ${attributesKey(attributes)}`;

function numberOf(of: object): number {
  const number = numbers.get(of) ?? given++;
  numbers.set(of, number);
  return number;
}

function attributesKey(attributes: Attributes): string {
  const known = attributeKeys.get(attributes);
  if (known !== undefined) return known;
  // Strings only: JSON has neither −0 nor non-finite numbers.
  const key = JSON.stringify(Object.entries(attributes).map(([name, value]) => [name, attributeKey(value)]));
  attributeKeys.set(attributes, key);
  return key;
}

function attributeKey(value: Attribute): string {
  if (typeof value === "string") return `string ${value}`;
  if (typeof value === "number") return numberKey(value);
  return "data" in value ? tensorKey(value) : value.map(numberKey).join();
}

function tensorKey({ dtype, shape, data }: Tensor): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const content = bytes.length > COMPARED_BYTES ? `data ${numberOf(data)}` : `bytes ${bytes}`;
  return `${dtype}[${shape}] ${content}`;
}

const numberKey = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

import type { Node, Value } from "./graph.js";
import { applyAll } from "./op.js";
import { sizeOf } from "./tensor.js";
import {
  and,
  cast,
  concat,
  less,
  mul,
  not,
  reduceMin,
  reshape,
  slice,
  stopGradient,
} from "./vocabulary/index.js";

/** The values of a node that its gradient rule may read. */
type Operands = Pick<Node, "inputs" | "outputs">;

/**
 * Activation checkpointing (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"): values between two
 * checkpoints are computed again in the backward pass. A node's segment is the largest number of checkpoints on a path to
 * it. A value that a later segment reads is kept as well, so that no node is computed more than twice. So is everything in
 * the last segment, with which the backward pass begins.
 *
 * A segment is repeated on the kept values that it reads, multiplied by a 1 that is computed from the gradients of all
 * later segments. An optimiser that merges common subexpressions would merge it with the first computation otherwise; and
 * no runtime can compute it early, while values of a later segment are still needed.
 */
export class Recomputation {
  /** The nodes by segment, inputs before users. */
  readonly order: readonly Node[];
  readonly #wrt: ReadonlySet<Value>;
  readonly #kept: Set<Value>;
  /** The segment of each node that depends on a checkpoint. */
  readonly #segments: ReadonlyMap<Node, number>;
  #segment: number;
  #one: Value | undefined;
  /** Values of the current segment, and those that it reads, as the backward pass has them. */
  readonly #again = new Map<Value, Value>();
  readonly #awaited = new Set<Value>();

  /**
   * @param order nodes, inputs before users
   * @param checkpoints values that are kept. Those that are inputs begin the first segment; without them, it is kept, too.
   * @param wrt values whose gradients are complete at the end only, and are needed then
   */
  constructor(order: readonly Node[], checkpoints: readonly Value[], wrt: readonly Value[]) {
    this.#wrt = new Set(wrt);
    this.#kept = new Set(checkpoints);
    this.#segments = segmentsOf(order, this.#kept);
    this.order = bySegment(order, this.#segments);
    this.#segment = this.order.reduce((last, node) => Math.max(last, this.#segments.get(node) ?? 0), 0);
    for (const [node, segment] of this.#segments) {
      for (const value of node.inputs) {
        if ((this.#segments.get(value.node) ?? segment) < segment) this.#kept.add(value);
      }
    }
  }

  /**
   * The operands of a node's gradient rule. Nodes must be asked for from the last one in `order` to the first.
   * @param gradients those of the values so far
   */
  operands(node: Node, gradients: ReadonlyMap<Value, Value>): Operands {
    const segment = this.#segments.get(node);
    if (segment === undefined) return node;
    if (segment < this.#segment) this.#enter(segment, gradients);
    // The last segment is not repeated.
    return this.#one
      ? { inputs: node.inputs.map(this.#operand), outputs: node.outputs.map(this.#operand) }
      : node;
  }

  #enter(segment: number, gradients: ReadonlyMap<Value, Value>): void {
    this.#segment = segment;
    this.#again.clear();
    const awaited = [...gradients].flatMap(([value, gradient]) =>
      (this.#wrt.has(value) || this.#kept.has(value)) && !this.#awaited.has(gradient) ? [gradient] : [],
    );
    if (awaited.length > 0) this.#one = oneAfter(awaited);
    for (const gradient of awaited) this.#awaited.add(gradient);
    for (const node of this.order) {
      if (this.#segments.get(node) !== segment || node.outputs.every((value) => this.#kept.has(value)))
        continue;
      const outputs = applyAll(node.op, node.inputs.map(this.#operand), node.attributes);
      for (const [at, value] of node.outputs.entries()) {
        if (!this.#kept.has(value)) this.#again.set(value, outputs[at] as Value);
      }
    }
  }

  readonly #operand = (value: Value): Value => {
    const known = this.#again.get(value);
    if (known || !this.#kept.has(value) || !this.#one) return known ?? value;
    const delayed =
      value.dtype === "bool" ? and(value, cast(this.#one, "bool")) : mul(value, cast(this.#one, value.dtype));
    this.#again.set(value, delayed);
    return delayed;
  };
}

function segmentsOf(order: readonly Node[], checkpoints: ReadonlySet<Value>): Map<Node, number> {
  const segments = new Map<Node, number>();
  for (const node of order) {
    const begun = node.inputs.flatMap((value) => {
      const segment = segments.get(value.node);
      if (!checkpoints.has(value)) return segment ?? [];
      return value.node.op === "Input" ? 0 : (segment ?? 0) + 1;
    });
    if (begun.length > 0) segments.set(node, Math.max(...begun));
  }
  return segments;
}

/** Sorts nodes by segment. Those that belong to none, such as a weight's transpose, stand where they are first read. */
function bySegment(order: readonly Node[], segments: ReadonlyMap<Node, number>): Node[] {
  const places = new Map<Node, number>(segments);
  for (const node of order.toReversed()) {
    const place = places.get(node) ?? Number.POSITIVE_INFINITY;
    for (const { node: operand } of node.inputs) {
      if (!segments.has(operand)) places.set(operand, Math.min(place, places.get(operand) ?? place));
    }
  }
  const placeOf = (node: Node) => places.get(node) ?? Number.POSITIVE_INFINITY;
  // Two nodes that nothing reads have the same place, and ∞ − ∞ is no order.
  return order.toSorted((a, b) => (placeOf(a) === placeOf(b) ? 0 : placeOf(a) - placeOf(b)));
}

/** A float32 scalar that is 1 whatever the values are, NaN included, and known when they are: no number is less than itself. */
function oneAfter(values: readonly Value[]): Value {
  const elements = values.map((value) =>
    cast(slice(reshape(value, [sizeOf(value.shape)]), 0, 0, 1), "float32"),
  );
  const all = concat(elements, 0);
  return stopGradient(reduceMin(cast(not(less(all, all)), "float32")));
}

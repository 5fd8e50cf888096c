import {
  constant,
  constantTensor,
  evaluate,
  evaluateNode,
  formatShape,
  type Graph,
  grantNodes,
  input,
  inputName,
  isAffordable,
  isCheap,
  isFloat,
  type Node,
  outputOf,
  scalar,
  sizeOf,
  sub,
  type Tensor,
  topologicalOrder,
  transpose,
  unlessUndefined,
  type Value,
} from "@softmax-bench/graph";
import type { GraphProto, NodeProto } from "../proto/onnx_pb.js";
import { ModelError, quote } from "./error.js";
import type { ModelInput } from "./inputs.js";
import { OnnxNode, type Scope } from "./node.js";
import { READERS } from "./operators/index.js";
import type { Reader } from "./operators/reader.js";
import type { Choice } from "./parameters.js";
import { type ReadExternal, type StoredTensor, storedTensor } from "./tensors.js";
import type { Relation, Tie } from "./ties.js";
import { MOVEMENTS } from "./use-index.js";

/** A model's graph. Its inputs are the model's, followed by its parameters. */
export interface ReadGraph extends Graph {
  /** The stored tensors that are trained and that the outputs depend on; they are inputs of the graph. */
  readonly parameters: ReadonlyMap<string, Value>;
  /** The stored tensors that move while the model is trained: running means and variances. They are no inputs. */
  readonly statistics?: ReadonlyMap<string, MovingStatistic>;
  /** The values inside the model, by name. */
  readonly values?: ReadonlyMap<string, Value>;
}

export interface MovingStatistic {
  /** Its value before a step: an input of a graph that moves it. */
  readonly current: Value;
  readonly next: Value;
}

interface Context {
  readonly inputs: readonly ModelInput[];
  readonly initializers: ReadonlyMap<string, StoredTensor>;
  readonly choices: ReadonlyMap<string, Choice>;
  readonly trained?: readonly string[] | undefined;
  readonly inner?: string | undefined;
  readonly readExternal: ReadExternal;
  readonly sizes: ReadonlyMap<string, number>;
}

/** @throws ModelError if the graph is malformed, or has an unsupported operator. */
export function readGraph(proto: GraphProto, context: Context): ReadGraph {
  const scope = new GraphScope(context);
  checkOperators(proto.node);
  const isConstant = constancy();
  scope.branch = (graph, inputs) => readBranch(graph, inputs, scope, isConstant);
  for (const node of proto.node) readNode(node, scope, isConstant);
  const outputs = proto.output.map(({ name }) => {
    const value = scope.value(name);
    if (!value) throw new ModelError(`nothing makes output ${quote(name)}`);
    return [name, value] as const;
  });
  // Nodes may have read more for its shape, or to freeze it.
  const inner = context.inner === undefined ? undefined : scope.value(context.inner);
  const roots = outputs.map(([, value]) => value);
  const used = new Set(topologicalOrder(inner ? [...roots, inner] : roots));
  const parameters = new Map([...scope.parameters].filter(([, { node }]) => used.has(node)));
  return {
    name: proto.name || "model",
    description: proto.docString,
    inputs: [...scope.inputs, ...parameters.values()],
    outputs: Object.fromEntries(outputs),
    parameters,
    statistics: movedBy(used, scope.statistics),
    values: scope.values,
  };
}

/** The statistics that are moved by what the graph computes, and not by a part that no output needs. */
function movedBy(
  used: ReadonlySet<Node>,
  statistics: ReadonlyMap<string, MovingStatistic>,
): Map<string, MovingStatistic> {
  const all = [...statistics.values()];
  const known = new Set([...used, ...all.map(({ current }) => current.node)]);
  const foreign = new Set<Node>();
  for (const node of topologicalOrder(all.map(({ next }) => next))) {
    const isUnknown = node.op === "Input" && !known.has(node);
    if (isUnknown || node.inputs.some((of) => foreign.has(of.node))) foreign.add(node);
  }
  return new Map([...statistics].filter(([, { next }]) => !foreign.has(next.node)));
}

type Constancy = (node: Node) => boolean;

/** The names through which nodes read operands and define results. */
interface Definitions extends Scope {
  define(name: string, value: Value): void;
}

/** Reads a graph inside a node. Its names are local; the outer ones are visible. */
function readBranch(
  proto: GraphProto,
  inputs: ReadonlyMap<string, Value>,
  outer: Scope,
  isConstant: Constancy,
): readonly Value[] {
  const values = new Map(inputs);
  for (const stored of proto.initializer) {
    values.set(stored.name, constant(storedTensor(stored, outer.readExternal).read()));
  }
  const scope: Definitions = {
    readExternal: outer.readExternal,
    value: (name) => values.get(name) ?? outer.value(name),
    initializer: (name) => (values.has(name) ? undefined : outer.initializer(name)),
    frozen: (value) => outer.frozen(value),
    isCopy: (value) => outer.isCopy(value),
    branch: (graph, given) => readBranch(graph, given, scope, isConstant),
    define: (name, value) => {
      if (values.has(name))
        throw new ModelError(`${quote(name)} is made twice: the graph is not in SSA form`);
      values.set(name, value);
    },
  };
  for (const node of proto.node) readNode(node, scope, isConstant);
  return proto.output.map(({ name }) => {
    const value = scope.value(name);
    if (!value) throw new ModelError(`nothing makes output ${quote(name)} of a branch`);
    return value;
  });
}

/** The values defined so far, by name. */
class GraphScope implements Definitions {
  branch: Scope["branch"] = () => [];
  readonly inputs: readonly Value[];
  readonly parameters = new Map<string, Value>();
  readonly statistics = new Map<string, MovingStatistic>();
  readonly readExternal: ReadExternal;
  readonly values = new Map<string, Value>();
  readonly #initializers: ReadonlyMap<string, StoredTensor>;
  readonly #isTrained: (name: string) => boolean;
  readonly #choices: ReadonlyMap<string, Choice>;
  readonly #isSource = (node: Node) =>
    node.op === "Constant" || node.op === "Range" || this.#isParameter(node);
  readonly #isStored = dependency(this.#isSource);
  readonly #isMoved = dependency(this.#isSource, ({ op }) => MOVEMENTS.has(op));
  readonly #frozen = new Map<Value, Value>();
  readonly #frozenNodes = new Set<Node>();

  constructor({ inputs, initializers, choices, trained, sizes, readExternal }: Context) {
    this.readExternal = readExternal;
    this.#initializers = initializers;
    this.#choices = choices;
    this.#isTrained = (name) => choices.get(name)?.isParameter || (trained?.includes(name) ?? false);
    this.inputs = inputs.map((of) => input(of.name, of.dtype, sizedShape(of, sizes)));
    for (const [index, { name }] of inputs.entries()) this.define(name, this.inputs[index] as Value);
  }

  define(name: string, value: Value): void {
    if (this.values.has(name) || this.#initializers.has(name)) {
      throw new ModelError(`${quote(name)} is made twice: the graph is not in SSA form`);
    }
    this.values.set(name, value);
  }

  value(name: string): Value | undefined {
    const made = this.values.get(name) ?? this.parameters.get(name);
    if (made) return made;
    const stored = this.#initializers.get(name);
    if (!stored) return undefined;
    const tie = this.#choices.get(name)?.tie;
    if (tie && !this.#isTrained(name)) return this.#tied(name, tie);
    if (!isFloat(stored) || !this.#isTrained(name)) return constant(stored.read());
    const parameter = input(name, stored.dtype, stored.shape);
    this.parameters.set(name, parameter);
    return parameter;
  }

  /** Derives a copy from its original. */
  #tied(name: string, { original, relation }: Tie): Value | undefined {
    const made = this.value(original);
    const copy = made && COPIES[relation](made);
    if (copy) this.values.set(name, copy);
    return copy;
  }

  initializer(name: string): StoredTensor | undefined {
    return this.#initializers.get(name);
  }

  move(name: string, next: (current: Value) => Value): void {
    const stored = this.#initializers.get(name);
    if (!stored || this.#isTrained(name)) return;
    const { current, next: moved } = this.statistics.get(name) ?? movingFrom(stored);
    // A layer that the model applies twice moves them twice.
    this.statistics.set(name, { current, next: next(moved) });
  }

  frozen(value: Value): Value {
    if (!this.#isStored(value.node)) return value;
    for (const node of topologicalOrder([value], this.#frozenNodes)) {
      if (!this.#frozenNodes.has(node)) this.#freeze(node);
    }
    return this.#frozen.get(value) ?? value;
  }

  isCopy({ node }: Value): boolean {
    return this.#isMoved(node);
  }

  /** Makes the node's outputs constants, once, unless ONNX leaves them undefined or they take too long to compute. */
  #freeze(node: Node): void {
    this.#frozenNodes.add(node);
    const inputs = node.inputs.map((of) => this.#frozen.get(of));
    if (inputs.includes(undefined) || !isAffordable(node)) return;
    const tensors = unlessUndefined(() => this.#storedTensors(node, (inputs as Value[]).map(tensorOf)));
    for (const [at, tensor] of (tensors ?? []).entries())
      this.#frozen.set(outputOf(node, at), constant(tensor));
  }

  #storedTensors(node: Node, inputs: readonly Tensor[]): readonly Tensor[] {
    if (node.op === "Constant") return [constantTensor(node)];
    if (node.op !== "Input") return evaluateNode(node, inputs);
    const stored = this.#initializers.get(inputName(outputOf(node)));
    return stored ? [stored.read()] : [];
  }

  #isParameter(node: Node): boolean {
    return node.op === "Input" && this.parameters.get(inputName(outputOf(node)))?.node === node;
  }
}

const COPIES = {
  same: (original) => original,
  transpose: (original) => transpose(original),
  complement: (original) => sub(scalar(1, original.dtype), original),
} satisfies Record<Relation, (original: Value) => Value>;

function movingFrom({ name, dtype, shape }: StoredTensor): MovingStatistic {
  const current = input(name, dtype, shape);
  return { current, next: current };
}

const tensorOf = ({ node }: Value): Tensor => constantTensor(node);

function sizedShape({ name, shape }: ModelInput, sizes: ReadonlyMap<string, number>): number[] {
  const sized = shape.map((size) => (typeof size === "number" ? size : sizes.get(size)));
  const open = shape.find((_, axis) => sized[axis] === undefined);
  if (open !== undefined)
    throw new ModelError(`input ${quote(name)} has an open size ${quote(String(open))}: give it one`);
  if (!Number.isSafeInteger(sizeOf(sized as number[]))) {
    throw new ModelError(`input ${quote(name)} has a shape of [${formatShape(sized as number[])}]`);
  }
  return sized as number[];
}

/** Reports all unsupported operators at once, because users of such a model need the whole list. */
function checkOperators(nodes: readonly NodeProto[]): void {
  const unknown = new Set(
    nodes
      .filter((node) => !findReader(node))
      .map(({ domain, opType }) => `${domain ? `${domain}.` : ""}${opType}`),
  );
  if (unknown.size === 0) return;
  const listed = [...unknown].slice(0, 8).map((name) => quote(name).slice(1, -1));
  const more = unknown.size > listed.length ? ` and ${unknown.size - listed.length} more` : "";
  throw new ModelError(`operators that are not supported: ${listed.join(", ")}${more}`);
}

/** The reader of a node; none if its operator is not one of ONNX's, or not supported. */
const findReader = ({ domain, opType }: NodeProto): Reader | undefined =>
  domain === "" || domain === "ai.onnx" ? READERS.get(opType) : undefined;

function readNode(proto: NodeProto, scope: Definitions, isConstant: Constancy): void {
  const node = new OnnxNode(proto, scope);
  const read = findReader(proto);
  if (!read) throw new ModelError(`${node.label} is not supported`);
  grantNodes();
  const made = node.run(() => {
    const result = read(node);
    return "node" in result ? [result] : result;
  });
  node.checkRead();
  for (const [position, name] of node.outputs.entries()) {
    if (name === "") continue;
    const value = made[position];
    scope.define(name, foldIfConstant(value ?? node.fail(`has no output #${position}`), isConstant));
  }
}

/** Larger tensors than shapes and positions need are left to the runtime. */
const LARGEST = 2 ** 16;

/** Folds values computed from constants alone, such as shapes, for the nodes that need to know them. */
function foldIfConstant(value: Value, isConstant: Constancy): Value {
  if (value.node.op === "Constant" || !isConstant(value.node) || !isAffordable(value.node)) return value;
  return toConstant(value);
}

/** Returns a value as a constant; the value itself if ONNX leaves it undefined. */
function toConstant(value: Value): Value {
  const results = unlessUndefined(() => evaluate({ name: "constant", inputs: [], outputs: { value } }, {}));
  return results?.value ? constant(results.value) : value;
}

/** Returns whether a node depends on constants alone, all of a size worth computing. */
const constancy = (): Constancy =>
  dependency(
    ({ op }) => op === "Constant",
    (node) =>
      isCheap(node) && !dependsOnSizes(node) && node.outputs.every(({ shape }) => sizeOf(shape) <= LARGEST),
  );

/** More elements than shapes have. */
const LONGEST_SHAPE = 8;

/** True for repeated elements and parts of a table: their number may depend on a batch's rows or a sequence. */
const dependsOnSizes = ({ op, inputs, outputs }: Node): boolean => {
  const [from, to] = [sizeOf(inputs[0]?.shape ?? []), sizeOf(outputs[0]?.shape ?? [])];
  return (op === "Expand" && to > from) || (op === "Slice" && from > LONGEST_SHAPE && to < from);
};

/** Returns whether a node is a source, or depends on sources alone, through nodes that pass. Caches its answers. */
function dependency(
  isSource: (node: Node) => boolean,
  passes: (node: Node) => boolean = () => true,
): (node: Node) => boolean {
  const [asked, found] = [new Set<Node>(), new Set<Node>()];
  return (node) => {
    for (const next of topologicalOrder(node.outputs, asked)) {
      if (asked.has(next)) continue;
      asked.add(next);
      const isMade = next.inputs.length > 0 && passes(next) && next.inputs.every((of) => found.has(of.node));
      if (isSource(next) || isMade) found.add(next);
    }
    return found.has(node);
  };
}

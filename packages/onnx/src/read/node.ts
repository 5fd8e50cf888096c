import {
  constant,
  constantTensor,
  formatType,
  GraphError,
  isInteger,
  type Tensor,
  type Value,
} from "@softmax-bench/graph";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  type GraphProto,
  type NodeProto,
} from "../proto/onnx_pb.js";
import { ModelError, quote } from "./error.js";
import { type ReadExternal, type StoredTensor, storedTensor } from "./tensors.js";

/** The names that a node's inputs may refer to. */
export interface Scope {
  /** A value defined earlier; undefined if the name is unknown. */
  value(name: string): Value | undefined;
  /** An initialiser. */
  initializer(name: string): StoredTensor | undefined;
  /**
   * Replaces a stored tensor that moves while the model is trained, such as a running mean.
   * @param next makes its next value from its current one
   */
  move?(name: string, next: (current: Value) => Value): void;
  /** The value as a constant if it depends on stored tensors alone; otherwise the value itself. */
  frozen(value: Value): Value;
  /** True for the elements of a stored tensor, in another shape, order or type as the case may be. */
  isCopy(value: Value): boolean;
  readonly readExternal: ReadExternal;
  /** The results of a graph inside a node. @param inputs the values of its inputs, by name */
  branch(graph: GraphProto, inputs: ReadonlyMap<string, Value>): readonly Value[];
}

/**
 * A node of a model during reading. It records which of its parts were read: a reader that leaves something unread
 * would mistake the node for a simpler one.
 */
export class OnnxNode {
  readonly op: string;
  /** Names of the outputs; "" for an unused one. */
  readonly outputs: readonly string[];
  readonly #proto: NodeProto;
  readonly #scope: Scope;
  readonly #attributes: ReadonlyMap<string, AttributeProto>;
  readonly #asked = new Set<string | number>();

  constructor(proto: NodeProto, scope: Scope) {
    this.op = proto.opType;
    this.outputs = proto.output;
    this.#proto = proto;
    this.#scope = scope;
    this.#attributes = new Map(proto.attribute.map((attribute) => [attribute.name, attribute]));
  }

  get inputCount(): number {
    return this.#proto.input.length;
  }

  /** The node in words: `Conv "conv1"`. */
  get label(): string {
    const name = this.#proto.name || this.#proto.output[0] || "";
    return `${quote(this.op).slice(1, -1)} ${quote(name)}`;
  }

  fail(message: string): never {
    throw new ModelError(`${this.label}: ${message}`);
  }

  /** Calls a function of the graph's vocabulary; errors name the node. */
  run<T>(make: () => T): T {
    try {
      return make();
    } catch (error) {
      if (error instanceof GraphError)
        throw new ModelError(`${this.label}: ${error.message}`, { cause: error });
      throw error;
    }
  }

  has(position: number): boolean {
    return (this.#proto.input[position] ?? "") !== "";
  }

  input(position: number): Value {
    return this.optional(position) ?? this.fail(`lacks input #${position}`);
  }

  optional(position: number): Value | undefined {
    this.#asked.add(position);
    const name = this.#proto.input[position] ?? "";
    if (name === "") return undefined;
    const value = this.#scope.value(name);
    if (value) return value;
    this.fail(`reads ${quote(name)}, which nothing before it makes: it is missing, later, or in a cycle`);
  }

  /** An input as a constant of the graph, even if it is, or depends on, a trainable initialiser. */
  frozen(position: number): Value {
    const tensor = this.#scope.initializer(this.#proto.input[position] ?? "");
    if (!tensor) return this.#scope.frozen(this.input(position));
    this.#asked.add(position);
    return constant(tensor.read());
  }

  /**
   * A mean or variance to normalise by. A stored tensor, moved or not, is a constant, even if it is trained elsewhere;
   * one that the model computes, as of weights that it standardises, is not.
   */
  statistic(position: number): Value {
    const value = this.input(position);
    return this.#scope.isCopy(value) ? this.frozen(position) : value;
  }

  /** Replaces an input that is a stored tensor; nothing happens to any other. */
  move(position: number, next: (current: Value) => Value): void {
    this.#scope.move?.(this.#proto.input[position] ?? "", next);
  }

  /** An input whose elements must be known. */
  constant(position: number): Tensor {
    const { node } = this.frozen(position);
    if (node.op !== "Constant") {
      this.fail(`input #${position} must be a constant, but ${node.op} makes it while the model runs`);
    }
    return constantTensor(node);
  }

  /** An optional input of known axes, positions or counts; beyond 2^53 they are rounded. */
  numbers(position: number): number[] | undefined {
    if (!this.has(position)) return undefined;
    const tensor = this.constant(position);
    if (!isInteger(tensor)) this.fail(`input #${position} must be integers, got ${formatType(tensor)}`);
    return Array.from(tensor.data, Number);
  }

  /** An optional input of one known number that a double represents exactly. */
  number(position: number): number | undefined {
    if (!this.has(position)) return undefined;
    const { data } = this.constant(position);
    if (data.length !== 1) this.fail(`input #${position} must be one number, got ${data.length}`);
    const [value] = data;
    if (typeof value === "bigint") return this.exact(value);
    return value;
  }

  /** @throws ModelError if a double cannot represent the integer exactly */
  exact(value: bigint): number {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : this.fail(`${value} is not supported: it is beyond 2^53`);
  }

  /** An attribute that is an axis, a position or a count; beyond 2^53 it is rounded. */
  int(name: string, otherwise: number): number {
    return Number(this.int64(name) ?? otherwise);
  }

  /** An attribute that is a value, with all its bits. */
  int64(name: string): bigint | undefined {
    return this.#attribute(name, "INT")?.i;
  }

  flag(name: string, otherwise = false): boolean {
    return this.int(name, Number(otherwise)) !== 0;
  }

  ints(name: string): number[] | undefined {
    return this.int64s(name)?.map(Number);
  }

  int64s(name: string): bigint[] | undefined {
    return this.#attribute(name, "INTS")?.ints;
  }

  /** An attribute in float32, as attributes are stored; its default too. */
  float(name: string, otherwise: number): number {
    return this.#attribute(name, "FLOAT")?.f ?? Math.fround(otherwise);
  }

  floats(name: string): number[] | undefined {
    return this.#attribute(name, "FLOATS")?.floats;
  }

  string(name: string, otherwise: string): string {
    const attribute = this.#attribute(name, "STRING");
    return attribute ? new TextDecoder().decode(attribute.s) : otherwise;
  }

  strings(name: string): string[] | undefined {
    return this.#attribute(name, "STRINGS")?.strings.map((bytes) => new TextDecoder().decode(bytes));
  }

  /** The results of a graph inside the node, to which the outer values are visible. */
  branch(name: string, inputs: readonly Value[] = []): readonly Value[] {
    const graph = this.#attribute(name, "GRAPH")?.g ?? this.fail(`lacks ${name}`);
    if (graph.input.length !== inputs.length)
      this.fail(`${name} must have ${inputs.length} inputs, got ${graph.input.length}`);
    return this.#scope.branch(
      graph,
      new Map(graph.input.map((input, position) => [input.name, inputs[position] as Value])),
    );
  }

  /** Marks an irrelevant attribute as read. */
  ignore(name: string): void {
    this.#asked.add(name);
  }

  tensor(name: string): Tensor | undefined {
    const attribute = this.#attribute(name, "TENSOR");
    return attribute?.t && storedTensor(attribute.t, this.#scope.readExternal).read();
  }

  hasAttribute(name: string): boolean {
    return this.#attributes.has(name);
  }

  /** @throws ModelError if an attribute or an input was never read. */
  checkRead(): void {
    for (const name of this.#attributes.keys()) {
      if (!this.#asked.has(name)) this.fail(`attribute ${quote(name)} is not supported`);
    }
    for (const position of this.#proto.input.keys()) {
      if (this.has(position) && !this.#asked.has(position)) this.fail(`input #${position} is not supported`);
    }
  }

  /** True if an output after the first is used. */
  wants(position: number): boolean {
    return (this.outputs[position] ?? "") !== "";
  }

  #attribute(name: string, type: keyof typeof AttributeProto_AttributeType): AttributeProto | undefined {
    this.#asked.add(name);
    const attribute = this.#attributes.get(name);
    if (attribute && attribute.type !== AttributeProto_AttributeType[type]) {
      const given = AttributeProto_AttributeType[attribute.type] ?? attribute.type;
      this.fail(`attribute ${quote(name)} must be ${type}, got ${given}`);
    }
    return attribute;
  }
}

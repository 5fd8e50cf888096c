import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  constantTensor,
  GraphError,
  inputName,
  isHalf,
  type Node,
  type Tensor,
  tensor,
  toHalfBits,
  type Value,
} from "@softmax-bench/graph";
import type { Family } from "./family.js";
import { attributeProto, ONNX_DTYPE, type OnnxAttribute, onnxForm } from "./operators.js";
import { cartesianProduct, merge, type PolynomialTensor } from "./polynomial.js";
import type { NodeProtoSchema, TensorProtoSchema } from "./proto/onnx_pb.js";

/** Writes a family's nodes as ONNX, named in order: `Exp_3`, or `Softmax_4_1` for a second output. */
export class NodeWriter {
  readonly nodes: MessageInitShape<typeof NodeProtoSchema>[] = [];
  readonly initializers: MessageInitShape<typeof TensorProtoSchema>[] = [];
  readonly #family: Family;
  readonly #names = new Map<Value, string>();
  /** Names of values that are outputs: the first, if a value has several. */
  readonly #published: ReadonlyMap<Value, string>;
  readonly #public: ReadonlySet<string>;
  readonly #sizes = new Map<string, string>();

  constructor(family: Family) {
    const { inputs, outputs } = family.first;
    this.#family = family;
    this.#public = new Set([...inputs.map(inputName), ...Object.keys(outputs)]);
    this.#published = new Map(
      Object.entries(outputs)
        .toReversed()
        .map(([name, value]) => [value, name]),
    );
    for (const value of inputs) this.#names.set(value, inputName(value));
    const read = new Set([...family.order.flatMap((node) => node.inputs), ...Object.values(outputs)]);
    for (const node of family.order) this.#write(node, read);
    // An Identity (a copy) renames a value, which may be an input, a constant, or an output with two names.
    const given = new Set(inputs.map(inputName));
    for (const [name, value] of Object.entries(outputs)) {
      if (given.has(name)) throw new GraphError(`${JSON.stringify(name)} is an input and an output`);
      if (this.#nameOf(value) !== name) this.#push("Identity", name, [this.#nameOf(value)], [name]);
    }
  }

  /** @param read the values that any node reads */
  #write(node: Node, read: ReadonlySet<Value>): void {
    if (node.op === "Input") return;
    const label = this.#unused(`${node.op}_${this.nodes.length + this.initializers.length}`);
    const alike = this.#family.alike(node);
    if (node.op === "Constant") {
      this.#constant(label, alike.map(constantTensor), node);
      for (const value of node.outputs) this.#names.set(value, label);
      return;
    }
    const forms = alike.map(onnxForm);
    const { op, attributes, constants, outputs: needed } = onnxForm(node);
    if (!forms.every((form) => haveSameAttributes(form, { attributes }))) {
      throw new GraphError(`the batch cannot be symbolic: attributes of ${node.op} depend on its size`);
    }
    const inputs = node.inputs.map((value) => this.#nameOf(value));
    for (const index of constants.keys()) {
      const tensors = forms.map((form) => form.constants[index] as Tensor);
      inputs.push(this.#constant(this.#unused(`${label}_constant_${index}`), tensors, node));
    }
    // Unused outputs have a cost.
    const count = Math.max(needed, node.outputs.findLastIndex((value) => read.has(value)) + 1);
    const outputs = node.outputs.slice(0, count).map((value, index) => {
      const name = this.#published.get(value) ?? (index ? this.#unused(`${label}_${index}`) : label);
      this.#names.set(value, name);
      return name;
    });
    this.#push(op, label, inputs, outputs, attributes);
  }

  #push(
    opType: string,
    name: string,
    input: readonly string[],
    output: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): void {
    const attribute = Object.entries(attributes).map(([key, value]) => attributeProto(key, value));
    this.nodes.push({ opType, name, input: [...input], output: [...output], attribute });
  }

  #constant(name: string, tensors: readonly Tensor[], of: Node): string {
    try {
      const merged = merge(tensors, this.#family.axes);
      if ("elements" in merged) this.#computed(name, merged);
      else this.initializers.push(tensorProto(name, merged));
      return name;
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      throw new GraphError(`the batch cannot be symbolic: a constant of ${of.op} is ${error.message}`);
    }
  }

  /** Computes the sum of factors times products of sizes, in the model. */
  #computed(name: string, { dtype, shape, elements }: PolynomialTensor): void {
    const products = new Map(elements.flat().map(({ powers }) => [String(powers), powers]));
    const terms = Array.from(products, ([key, powers], at) => {
      const factors = elements.map((of) => of.find((term) => String(term.powers) === key)?.factor ?? 0);
      const stored = this.#unused(`${name}_factor_${at}`);
      this.initializers.push(tensorProto(stored, tensor("int64", shape, factors)));
      const sizes = powers.flatMap((power, which) => new Array<string>(power).fill(this.#size(which)));
      return sizes.reduce(
        (product, size, step) => this.#made("Mul", [size, product], `${name}_term_${at}_${step}`),
        stored,
      );
    });
    const sum = terms.reduce((total, term, at) => this.#made("Add", [total, term], `${name}_sum_${at}`));
    this.#push("Cast", name, [sum], [name], { to: ONNX_DTYPE[dtype] });
  }

  #made(op: string, inputs: readonly string[], wanted: string): string {
    const name = this.#unused(wanted);
    this.#push(op, name, inputs, [name]);
    return name;
  }

  /** Reads an open size as an int64 scalar from the first input that has it. */
  #size(which: number): string {
    const { names } = this.#family;
    const name = names[which] as string;
    const known = this.#sizes.get(name);
    if (known !== undefined) return known;
    const made = this.#readSize(which, `size_of_${which}`);
    this.#sizes.set(name, made);
    return made;
  }

  #readSize(which: number, label: string): string {
    const { axes, first } = this.#family;
    const points = cartesianProduct(axes);
    for (const value of first.inputs) {
      const shapes = this.#family.shapes(value);
      const axis = value.shape.findIndex((_, at) =>
        shapes.every((shape, index) => shape[at] === points[index]?.[which]),
      );
      if (axis < 0) continue;
      const [list, size] = [this.#unused(`${label}_as_list`), this.#unused(label)];
      this.#push("Shape", list, [inputName(value)], [list], { start: axis, end: axis + 1 });
      this.#push("Squeeze", size, [list], [size]);
      return size;
    }
    throw new GraphError("no input has it as a dimension");
  }

  /** Returns a name that no input or output has. */
  #unused(name: string): string {
    return this.#public.has(name) ? this.#unused(`${name}_`) : name;
  }

  #nameOf(value: Value): string {
    const name = this.#names.get(value);
    if (name === undefined) throw new Error(`${value.node.op} was used before it was written`);
    return name;
  }
}

/** ONNX stores raw data little-endian, as every platform of Node does. */
const tensorProto = (
  name: string,
  { dtype, shape, data }: Tensor,
): MessageInitShape<typeof TensorProtoSchema> => ({
  name,
  dataType: ONNX_DTYPE[dtype],
  dims: shape.map(BigInt),
  rawData: bytesOf(isHalf(dtype) ? toHalfBits(dtype, data as Float32Array) : data),
});

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength).slice();

type WithAttributes = Pick<ReturnType<typeof onnxForm>, "attributes">;

/** Numbers are the same if their bits are the same. */
function haveSameAttributes({ attributes: a }: WithAttributes, { attributes: b }: WithAttributes): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => {
      const [own = [], other = []] = [a[name], b[name]].map(toValues);
      return own.length === other.length && own.every((value, index) => Object.is(value, other[index]));
    })
  );
}

const toValues = (attribute: OnnxAttribute | undefined): readonly unknown[] =>
  typeof attribute === "object" && "float" in attribute ? ["float", attribute.float] : [attribute].flat();

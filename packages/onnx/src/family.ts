import { type Graph, GraphError, type Node, topologicalOrder, type Value } from "@softmax-bench/graph";
import type { Axes } from "./polynomial.js";

/**
 * A graph built for several combinations of open sizes: the same nodes in the same order, except for sizes and numbers
 * that depend on those. A graph of fixed sizes is a family of one.
 */
export class Family {
  readonly graphs: readonly Graph[];
  /** Names of the open sizes; none for a family of one. */
  readonly names: readonly string[];
  /** The values of each open size. There is a graph for each combination. */
  readonly axes: Axes;
  /** Nodes of the first graph, inputs before users. */
  readonly order: readonly Node[];
  readonly #alike = new Map<Node, readonly Node[]>();

  /** @throws GraphError if the graphs are not alike, naming an operator. */
  constructor(graphs: readonly Graph[], names: readonly string[], axes: Axes) {
    this.graphs = graphs;
    this.names = names;
    this.axes = axes;
    const orders = graphs.map(({ inputs, outputs }) =>
      topologicalOrder([...inputs, ...Object.values(outputs)]),
    );
    const [order = []] = orders;
    this.order = order;
    const places = orders.map((nodes) => new Map(nodes.map((node, index) => [node, index])));
    const sources = (which: number, node: Node | undefined) =>
      `${node?.op} of ${node?.inputs.map((value) => `${places[which]?.get(value.node)}:${value.output}`)}`;
    for (const [index, node] of order.entries()) {
      const alike = orders.map((nodes) => nodes[index]);
      if (alike.some((twin, which) => sources(which, twin) !== sources(0, node))) {
        throw new GraphError(`the batch cannot be symbolic: ${node.op} is not there for every batch size`);
      }
      this.#alike.set(node, alike as Node[]);
    }
    if (orders.some(({ length }) => length !== order.length)) {
      throw new GraphError("the batch cannot be symbolic: the graph is another one for some batch sizes");
    }
  }

  get first(): Graph {
    return this.graphs[0] as Graph;
  }

  /** Returns the node's counterpart in each graph. */
  alike(node: Node): readonly Node[] {
    return this.#alike.get(node) ?? [node];
  }

  /** Returns the shape of a value in each graph. */
  shapes({ node, output }: Value): Value["shape"][] {
    return this.alike(node).map(({ outputs }) => (outputs[output] as Value).shape);
  }
}

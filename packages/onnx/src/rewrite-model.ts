import type { Graph, Value } from "@softmax-bench/graph";
import type { MovingStatistic, ReadGraph } from "./read/graph.js";

/**
 * The model with everything that it computes rewritten: its outputs, values inside it, and moving statistics.
 * @param rewrite takes a graph with all of them as outputs, and returns what takes the place of each
 */
export function rewriteModel(model: ReadGraph, rewrite: (whole: Graph) => Graph["outputs"]): ReadGraph {
  const values = [...(model.values ?? [])];
  const statistics = [...(model.statistics ?? [])];
  const all = [
    ...Object.values(model.outputs),
    ...values.map(([, value]) => value),
    ...statistics.map(([, { next }]) => next),
  ];
  const made = rewrite({
    ...model,
    outputs: Object.fromEntries(all.map((value, at) => [String(at), value])),
  });
  const next = new Map(all.map((value, at) => [value, made[String(at)] ?? value]));
  const current = (value: Value): Value => next.get(value) ?? value;
  return {
    ...model,
    outputs: Object.fromEntries(Object.entries(model.outputs).map(([name, value]) => [name, current(value)])),
    values: new Map(values.map(([name, value]) => [name, current(value)])),
    statistics: new Map(
      statistics.map(([name, moving]): [string, MovingStatistic] => [
        name,
        { current: moving.current, next: current(moving.next) },
      ]),
    ),
  };
}

import type { Graph } from "../graph.js";
import { mergeCommonSubexpressions } from "./common-subexpressions.js";
import { foldConstants } from "./fold-constants.js";
import { rewrite } from "./rewrite.js";
import { simplify } from "./simplify.js";
import { scatterUpdates, sumAttention } from "./steps.js";

/** More rounds than any graph has needed; each round but the last made it smaller. */
const ROUNDS = 100;

/**
 * Simplifies a graph, folds its constants and merges its common subexpressions until nothing changes. Nodes that no
 * output depends on are dropped: a graph consists of what its outputs need.
 *
 * @param fold folds constants; false if their values must be distinguished later, as for a symbolic batch. Default:
 * true.
 */
export function optimize(graph: Graph, { fold = true } = {}): Graph {
  const simplifications = [simplify, scatterUpdates, sumAttention];
  const rules = fold ? [...simplifications, foldConstants] : simplifications;
  let current = graph;
  for (let round = 0; round < ROUNDS; round++) {
    const simplified = rewrite(current, ...rules);
    // What has been merged stays so.
    if (round > 0 && sameOutputs(simplified, current)) break;
    current = rewrite(simplified, mergeCommonSubexpressions());
  }
  return current;
}

const sameOutputs = (a: Graph, b: Graph): boolean =>
  Object.entries(a.outputs).every(([name, value]) => b.outputs[name] === value);

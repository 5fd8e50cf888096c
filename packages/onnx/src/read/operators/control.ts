import { concat, constantTensor, reshape, scalar, type Value } from "@softmax-bench/graph";
import type { OnnxNode } from "../node.js";
import type { Reader, Readers } from "./reader.js";

/** Longer loops make graphs that no runtime wants. */
const MOST_TRIPS = 10_000;

const holds = (node: OnnxNode, value: Value): boolean =>
  value.node.op === "Constant"
    ? Number(constantTensor(value.node).data[0]) !== 0
    : node.fail("goes on or not by a value that is only known while the model runs");

/** A loop whose number of trips is known when the model is read, unrolled. */
const loop: Reader = (node) => {
  const trips = node.number(0);
  let goesOn = !node.has(1) || holds(node, node.frozen(1));
  let carried: readonly Value[] = Array.from({ length: Math.max(0, node.inputCount - 2) }, (_, index) =>
    node.input(index + 2),
  );
  const scans: (readonly Value[])[] = [];
  for (let trip = 0; goesOn && (trips === undefined || trip < trips); trip++) {
    if (trip === MOST_TRIPS) node.fail(`takes more than ${MOST_TRIPS} trips, the most that are unrolled`);
    const results = node.branch("body", [scalar(trip, "int64"), scalar(1, "bool"), ...carried]);
    const [condition, ...others] = results;
    if (!condition || others.length < carried.length)
      return node.fail(`its body must have ${carried.length + 1} outputs or more, got ${results.length}`);
    goesOn = holds(node, condition);
    scans.push(others.slice(carried.length));
    carried = others.slice(0, carried.length);
  }
  const [first] = scans;
  if (!first) {
    node.ignore("body");
    const scanned = node.outputs.slice(carried.length).some((name) => name !== "");
    return scanned ? node.fail("makes no trip, so the shapes of what it collects are unknown") : carried;
  }
  return [...carried, ...first.map((_, at) => stack(scans.map((scan) => scan[at] as Value)))];
};

/** Values of one shape, along a new first axis. */
const stack = (values: readonly Value[]): Value =>
  concat(
    values.map((value) => reshape(value, [1, ...value.shape])),
    0,
  );

export const CONTROL: Readers = {
  /** A known condition selects a branch when the model is read. */
  If: (node) => {
    const condition = Number(node.constant(0).data[0]) !== 0;
    node.ignore(condition ? "else_branch" : "then_branch");
    return node.branch(condition ? "then_branch" : "else_branch");
  },
  Loop: loop,
};

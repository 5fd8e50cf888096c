import { GraphError } from "./error.js";

/** More elements or nodes than a budget allows. Raise the budget if the graph is meant to be that large. */
export class BudgetError extends GraphError {}

/**
 * Enough for the constants of any model except a hostile one: a quarter of a gigabyte in 64 bits. Writing a model makes
 * up to five copies of them.
 */
export const DEFAULT_ELEMENTS = 2 ** 25;

/** The maximum number of elements of a typed array. */
const LARGEST_ARRAY = 2 ** 32;

/** Maximum computation steps of one node: about a second of the reference interpreter. */
const MOST_STEPS = 2 ** 24;

/** Maximum computation steps of all nodes together, per element of a budget. */
const STEPS_PER_ELEMENT = 2;

/**
 * Nodes that may be made beyond what was granted, per element of a budget: a long sequence makes many of one. They take
 * about seven seconds to differentiate and write.
 */
const NODES_PER_ELEMENT = 2 ** -7;

interface Budget {
  readonly elements: number;
  nodesLeft: number;
  left: number;
  stepsLeft: number;
}

let current: Budget | undefined;

/**
 * Runs work that may create at most `elements` elements of tensors and positions on the host, all together, and take
 * twice as many steps to compute them. A nested budget is part of the outer one, which decides. Sizes that a file
 * merely claims are rejected this way before anything is allocated.
 * @param work synchronous
 * @throws BudgetError if the work needs more
 */
export function withBudget<T>(elements: number, work: () => T): T {
  if (current) return work();
  current = {
    elements,
    left: elements,
    nodesLeft: mostNodes(elements),
    stepsLeft: STEPS_PER_ELEMENT * elements,
  };
  try {
    return work();
  } finally {
    current = undefined;
  }
}

/** Reserves `count` elements before they are allocated. @throws BudgetError if they are too many */
export function reserve(count: number): void {
  if (count > (current?.left ?? LARGEST_ARRAY)) {
    const limit = current
      ? `at most ${current.elements} may be made in all`
      : `an array holds at most ${LARGEST_ARRAY}`;
    throw new BudgetError(`a tensor of ${count} elements would have to be made; ${limit}`);
  }
  if (current) current.left -= count;
}

const mostNodes = (elements: number): number => NODES_PER_ELEMENT * Math.max(elements, DEFAULT_ELEMENTS);

/** Reserves a node before it is made. @throws BudgetError if it is one too many */
export function reserveNode(): void {
  if (!current) return;
  if (current.nodesLeft < 1) {
    throw new BudgetError("too many nodes would have to be made, as for a sequence of very many steps");
  }
  current.nodesLeft--;
}

/** Nodes for each node of a model's file: for all operators in it, their gradients and several rewrites. */
const NODES_PER_READ = 256;

/** Adds to the budget what a node in a file may need, so that large models fit and small ones cannot claim to be. */
export function grantNodes(): void {
  if (current) current.nodesLeft += NODES_PER_READ;
}

/** True if one node may take that number of steps at all. */
export const isBearable = (steps: number): boolean => steps <= MOST_STEPS;

/**
 * Spends steps before a node is computed here that the runtime could compute instead.
 * @returns true if the budget has enough steps left; once it lacks steps, it has none for any later node
 */
export function spend(steps: number): boolean {
  if (!isBearable(steps)) return false;
  if (!current) return true;
  const isEnough = steps <= current.stepsLeft;
  current.stepsLeft = isEnough ? current.stepsLeft - steps : 0;
  return isEnough;
}

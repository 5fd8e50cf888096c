import { GraphError } from "./graph.js";

/** More elements than a budget allows. Raise the budget if the graph is meant to be that large. */
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

interface Budget {
  readonly elements: number;
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
  current = { elements, left: elements, stepsLeft: STEPS_PER_ELEMENT * elements };
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

import { GraphError } from "./graph.js";

/** More elements than a budget allows. Raising the budget helps, if the graph is meant to be that large. */
export class BudgetError extends GraphError {}

/**
 * Enough for the constants of any model but a hostile one: a quarter of a gigabyte in 64 bits. While a model is written, there are
 * up to five copies of them.
 */
export const DEFAULT_ELEMENTS = 2 ** 25;

/** As many elements as a typed array can have. */
const LARGEST_ARRAY = 2 ** 32;

/** Steps of computation that one node may take: about a second of the reference interpreter. */
const MOST_STEPS = 2 ** 24;

/** Steps that all nodes together may take, for each element of a budget. */
const STEPS_PER_ELEMENT = 2;

interface Budget {
  readonly elements: number;
  left: number;
  stepsLeft: number;
}

let current: Budget | undefined;

/**
 * Runs work that may make so many elements of tensors and positions on the host, all together, and take twice as many
 * steps to compute them. A budget inside another is part of that: the outer one decides. Sizes that a file merely claims are
 * refused this way before anything is allocated.
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

/** Called before so many elements are allocated. @throws BudgetError if they are too many */
export function reserve(count: number): void {
  if (count > (current?.left ?? LARGEST_ARRAY)) {
    const limit = current
      ? `at most ${current.elements} may be made in all`
      : `an array holds at most ${LARGEST_ARRAY}`;
    throw new BudgetError(`a tensor of ${count} elements would have to be made; ${limit}`);
  }
  if (current) current.left -= count;
}

/** Whether one node may take so many steps at all. */
export const isBearable = (steps: number): boolean => steps <= MOST_STEPS;

/**
 * Called before a node that the runtime could compute instead is computed here.
 * @returns whether the budget has so many steps left; once it has not, it has none for any other node
 */
export function spend(steps: number): boolean {
  if (!isBearable(steps)) return false;
  if (!current) return true;
  const isEnough = steps <= current.stepsLeft;
  current.stepsLeft = isEnough ? current.stepsLeft - steps : 0;
  return isEnough;
}

import { GraphError } from "./graph.js";

/** More elements than a budget allows. Raising the budget helps, if the graph is meant to be that large. */
export class BudgetError extends GraphError {}

/** Enough for the constants of any model but a hostile one: half a gigabyte. */
export const DEFAULT_ELEMENTS = 2 ** 26;

/** As many elements as a typed array can have. */
const LARGEST_ARRAY = 2 ** 32;

interface Budget {
  readonly elements: number;
  left: number;
}

let current: Budget | undefined;

/**
 * Runs work that may make so many elements of tensors and positions on the host, all together. A budget inside another is
 * part of that: the outer one decides. Sizes that a file merely claims are refused this way before anything is allocated.
 * @param work synchronous
 * @throws BudgetError if the work needs more
 */
export function withBudget<T>(elements: number, work: () => T): T {
  if (current) return work();
  current = { elements, left: elements };
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

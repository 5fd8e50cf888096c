import { existsSync } from "node:fs";
import { messageOf } from "@softmax-bench/core";
import { describeIssue } from "@softmax-bench/core/results";
import { z } from "zod";
import { readText } from "../../fs/read-regular-file.js";
import { removePartials, writeAtomically } from "../../fs/write-atomically.js";
import { UsageError } from "../../terminal/errors.js";
import type { StepVerdict } from "./search.js";

/**
 * The file of a bisection: finished steps, so that it goes on where it was stopped. Those that settled nothing are taken again
 * then: the machine was busy, a registry was down, or the disk was full.
 */

const step = z.object({
  commit: z.string(),
  attempt: z.int().nonnegative(),
  verdict: z.enum(["slower", "equal", "inconclusive", "broken"] satisfies StepVerdict[]),
  /** The quantity that the first gate, of the whole range, found to be worse; the others look at that alone. */
  subject: z.enum(["time", "error"]).optional(),
  /** Ratio minus 1, with its interval. */
  slowdown: z.number().optional(),
  interval: z.tuple([z.number(), z.number()]).optional(),
  reason: z.string(),
});

export type BisectStep = z.output<typeof step>;

const state = z.object({
  version: z.literal(1),
  /** All that steps depend on, the machine included. */
  question: z.string(),
  steps: z.array(step),
});

/** The steps of a bisection, on disk after each. */
export class StepStore {
  readonly #file: string;
  readonly #question: string;
  readonly #steps: BisectStep[];

  /** @throws UsageError if the file is damaged, or of another question */
  constructor(file: string, question: string) {
    this.#file = file;
    this.#question = question;
    this.#steps = readSteps(file, question).filter(isSettled);
  }

  /** The number of commits that are settled. */
  get count(): number {
    return this.#steps.filter(isSettled).length;
  }

  /** The step that settled a commit. */
  settled(commit: string): BisectStep | undefined {
    return this.#steps.find((each) => each.commit === commit && isSettled(each));
  }

  /** The latest step of a commit. */
  latest(commit: string): BisectStep | undefined {
    return this.#steps.findLast((each) => each.commit === commit);
  }

  add(finished: BisectStep): void {
    this.#steps.push(finished);
    const content = { version: 1, question: this.#question, steps: this.#steps } satisfies z.input<
      typeof state
    >;
    writeAtomically(this.#file, `${JSON.stringify(content, null, 2)}\n`);
  }
}

const isSettled = ({ verdict }: BisectStep): boolean => verdict === "slower" || verdict === "equal";

function readSteps(file: string, question: string): BisectStep[] {
  removePartials(file);
  if (!existsSync(file)) return [];
  const again = "delete it to start again";
  let value: unknown;
  try {
    value = JSON.parse(readText(file));
  } catch (error) {
    throw new UsageError(`${file} is not the state of a bisection: ${messageOf(error)}; ${again}`);
  }
  const parsed = state.safeParse(value);
  if (!parsed.success) {
    throw new UsageError(
      `${file} is not the state of a bisection: ${describeIssue(parsed.error, value)}; ${again}`,
    );
  }
  if (parsed.data.question !== question) {
    throw new UsageError(
      `${file} is of another bisection: expected ${question}, got ${parsed.data.question}; ${again}`,
    );
  }
  return parsed.data.steps;
}

import { Coverage } from "./coverage.js";
import { examine, type Outcome } from "./examine.js";
import { Random } from "./random.js";
import { loadTarget } from "./targets/index.js";

/** A request to a process that reads inputs. */
export interface Request {
  readonly target: string;
  readonly seed: number;
  /** The range of inputs, from the first to the one after the last. The first ones are the unchanged seeds. */
  readonly from: number;
  readonly to: number;
  /** A folder to write to. */
  readonly folder: string;
  /**
   * Inputs that led to new code, in base64. Undefined to mutate only seeds, so that an input depends only on its
   * number.
   */
  readonly interesting?: readonly string[];
  /** The time to stop at, in milliseconds since 1970. */
  readonly until?: number;
}

/** A message of such a process: each input before it is read, its outcome, and the end of all. */
export type Reply =
  | { readonly type: "input"; readonly index: number; readonly input: string }
  | { readonly type: "outcome"; readonly outcome: Outcome; readonly isNew: boolean }
  | { readonly type: "done" };

/** Size limit of mutated files, in bytes: otherwise they would grow, and reading them would take ever longer. */
const LARGEST_FILE = 100_000;

/** Resolves when the message is sent, so that a process that hangs afterwards has named its input. */
const reply = (message: Reply): Promise<unknown> =>
  new Promise((resolve) => process.send?.(message, undefined, undefined, resolve));

process.once("message", async (request: Request) => {
  await run(request);
  await reply({ type: "done" });
  process.disconnect();
});

async function run(request: Request): Promise<void> {
  const { target: name, seed, from, to, folder, interesting, until = Number.POSITIVE_INFINITY } = request;
  const target = await loadTarget(name);
  const seeds = target.seeds();
  const files = [...seeds, ...(interesting ?? []).map((text) => Buffer.from(text, "base64"))];
  const coverage = interesting && new Coverage();
  // After a process that died, code covered by the seeds and others is not new.
  for (const file of coverage && from > 0 ? files : []) examine(target, file, folder);
  coverage?.hasGrown();
  for (let index = from; index < to && Date.now() < until; index++) {
    const random = new Random(`${name}/${seed}/${index}`);
    const input = seeds[index] ?? target.mutate(random.pick(files), random);
    await reply({ type: "input", index, input: Buffer.from(input).toString("base64") });
    const outcome = examine(target, input, folder);
    const isNew = coverage?.hasGrown() ?? false;
    if (isNew && input.length <= LARGEST_FILE) files.push(input);
    await reply({ type: "outcome", outcome, isNew });
  }
}

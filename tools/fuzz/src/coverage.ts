import { type Profiler, Session } from "node:inspector";
import { pathToFileURL } from "node:url";
import { ROOT } from "./targets/target.js";

/** The built code of this repository, without the fuzzer itself. */
const ROOT_URL = pathToFileURL(ROOT).href;
const isOwn = (url: string): boolean =>
  url.startsWith(ROOT_URL) && !url.includes("/node_modules/") && !url.includes("/tools/fuzz/");

/** The parts of the code that have run, as V8 counts them: blocks of functions. */
export class Coverage {
  readonly #session = new Session();
  /** Characters of each function that have run. */
  readonly #covered = new Map<string, Uint8Array>();

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: false, detailed: true });
  }

  /** Returns whether code has run since the last call that never ran before. */
  hasGrown(): boolean {
    let hasGrown = false;
    // The callback is called before `post` returns: the session is one of this thread.
    this.#session.post("Profiler.takePreciseCoverage", (_, { result }) => {
      for (const { url, scriptId, functions } of result) {
        if (!isOwn(url)) continue;
        for (const { ranges } of functions) if (this.#add(scriptId, ranges)) hasGrown = true;
      }
    });
    return hasGrown;
  }

  /** @param ranges the function's, then those of blocks in it that ran more or less often, outer ones first */
  #add(scriptId: string, [whole, ...blocks]: readonly Profiler.CoverageRange[]): boolean {
    if (!whole || whole.count === 0) return false;
    const { startOffset, endOffset } = whole;
    const now = new Uint8Array(endOffset - startOffset).fill(1);
    for (const block of blocks)
      now.fill(Number(block.count > 0), block.startOffset - startOffset, block.endOffset - startOffset);
    const key = `${scriptId}:${startOffset}`;
    const before = this.#covered.get(key) ?? new Uint8Array(now.length);
    this.#covered.set(
      key,
      now.map((runs, at) => runs | (before[at] as number)),
    );
    return now.some((runs, at) => runs > (before[at] as number));
  }
}

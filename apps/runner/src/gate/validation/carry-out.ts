import { cellKey } from "@softmax-bench/core";
import { DEFAULT_LIMITS, gateComparison } from "@softmax-bench/regression";
import { Baseline } from "../baseline.js";
import { watchFor } from "../busy-watch.js";
import { listIn } from "../checkout.js";
import { measureGate } from "../measure.js";
import { toPatience } from "../patience.js";
import { type Experiment, INJECTED_ERROR } from "./experiments.js";
import { injectedCheckout, THIS_CHECKOUT } from "./injected-checkout.js";
import type { Injection } from "./injection.js";
import type { ExperimentOutcome } from "./journal.js";

/** Gates this checkout against a copy with the defect of an experiment. */
export async function carryOut(
  { id, kind, selection, method, slowdown, maxSlowdown, seed }: Experiment,
  { pages, say, signal }: { pages: boolean; say: (line: string) => void; signal: AbortSignal },
): Promise<ExperimentOutcome> {
  const begun = performance.now();
  const limits = { ...DEFAULT_LIMITS, ...(maxSlowdown === undefined ? {} : { maxSlowdown }) };
  const injection: Injection = {
    ...(method ? { method } : {}),
    ...(slowdown === undefined ? {} : { slowdown }),
    ...(kind === "error" ? { gradientError: INJECTED_ERROR } : {}),
  };
  const patience = toPatience();
  const baseline = Baseline.of(THIS_CHECKOUT);
  using candidate = injectedCheckout(id, injection, pages ? "pages" : "processes");
  const cells = await listIn(candidate, ["--profile", "gate", ...selection], { patience, signal });
  const watch = watchFor(cells);
  const passes = await measureGate({
    baseline,
    candidate,
    cells,
    seed,
    signal,
    say,
    limits,
    threads: 1,
    patience,
    ...(kind === "error" ? { only: "errors" } : { only: "times" }),
    watch,
  });
  const names = { baseline: baseline.name, candidate: id };
  const comparison = gateComparison(passes, cells, limits, names, { busy: watch.reason });
  return {
    type: "outcome",
    id,
    kind,
    seconds: (performance.now() - begun) / 1000,
    cells: comparison.cells.map(({ verdict, time, error, ...cell }) => ({
      cell: cellKey(cell),
      injected: kind === "error" || cell.method === method,
      verdict,
      ...(time ? { slowdown: time.slowdown, blocks: time.blocks } : {}),
      reason: (verdict === error?.verdict ? error : (time ?? error))?.reason ?? "",
    })),
    broken: comparison.notCompared.filter(({ kind: how }) => how === "broken").map(cellKey),
  };
}

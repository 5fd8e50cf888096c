import { type Availability, type Confirm, commandLine, messageOf, shorten } from "@softmax-bench/core";
import { loadBackend } from "../plan/load-backends.js";

export interface ProvisioningOptions {
  /** Receives each step. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** True if the user named these backends. */
  readonly wanted: boolean;
  /** Called before anything is fetched or built; absent if the user asked for it. */
  readonly confirm?: Confirm | undefined;
}

/** Installs the missing parts of backends, one after the other. Never throws: the outcome reports a failure. */
export async function provisionBackends(
  ids: readonly string[],
  { say, signal, wanted, confirm }: ProvisioningOptions,
): Promise<Map<string, Availability>> {
  const outcomes = new Map<string, Availability>();
  for (const id of ids) {
    try {
      const backend = await loadBackend(id);
      if (!backend?.provision || signal.aborted) continue;
      const progress = (step: string) => say(`${id}: ${step}`);
      const outcome = await backend.provision({ progress, signal, wanted, confirm });
      if (outcome) outcomes.set(id, outcome.available ? outcome : shortenReasons(outcome));
    } catch (error) {
      const remedy = commandLine(`doctor --fix ${id}`);
      outcomes.set(id, shortenReasons({ available: false, reason: messageOf(error), remedy }));
    }
  }
  return outcomes;
}

/** A compiler's or installer's message, shortened for results. */
const shortenReasons = (outcome: Extract<Availability, { available: false }>): Availability => ({
  ...outcome,
  reason: shorten(outcome.reason, 2000),
  remedy: shorten(outcome.remedy, 2000),
});

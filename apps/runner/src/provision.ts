import type { Availability } from "@softmax-bench/core";
import { messageOf } from "./errors.js";
import { BACKENDS } from "./registry.js";

export interface ProvisioningOptions {
  /** Hears of each step. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** The user named these backends. */
  readonly wanted: boolean;
}

/** Brings what backends lack, one after the other. Never throws: the outcome says what failed. */
export async function provisionBackends(
  ids: readonly string[],
  { say, signal, wanted }: ProvisioningOptions,
): Promise<Map<string, Availability>> {
  const outcomes = new Map<string, Availability>();
  for (const id of ids) {
    try {
      const backend = await BACKENDS[id]?.();
      if (!backend?.provision || signal.aborted) continue;
      const progress = (step: string) => say(`${id}: ${step}`);
      const outcome = await backend.provision({ progress, signal, wanted });
      if (outcome) outcomes.set(id, outcome);
    } catch (error) {
      outcomes.set(id, { available: false, reason: messageOf(error), remedy: `pnpm provision ${id}` });
    }
  }
  return outcomes;
}

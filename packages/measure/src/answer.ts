import type { Values } from "./arrays.js";
import type { Platform } from "./platform.js";
import type { Finished, Reply } from "./protocol.js";

/** A reply, and the arrays that belong to it. */
export interface Answer {
  readonly reply: Reply;
  readonly results?: readonly Values[];
}

/**
 * Makes the part of a reply that states the cost of finished work.
 *
 * @param start when the work began, in nanoseconds of the platform's clock
 * @param compiled when it had been compiled
 */
export const resourceUse = (
  { now, peakResidentBytes }: Platform,
  start: number,
  compiled: number,
  settlingNs = 0,
): Pick<Finished, "peakRssBytes" | "spent"> => ({
  peakRssBytes: peakResidentBytes(),
  spent: { prepare: compiled - start, settle: settlingNs, measure: now() - compiled - settlingNs },
});

import type { HostRecord, Place } from "@softmax-bench/core";
import type { Crash, Host } from "@softmax-bench/measure";

/** The reason why something cannot be used, and a remedy. */
export interface Problem {
  readonly reason: string;
  readonly remedy: string;
}

/** Remedies for a backend that does not start. */
export interface Remedies {
  /** @param replace the command that replaces the backend's native parts, if it has any */
  forCrash(crash: Crash, replace: string | undefined): string;
  forThrown(error: unknown): string;
}

/** The hosts of a run. */
export interface HostTable {
  /** Records of the hosts other than the Node that runs this. */
  readonly records: readonly HostRecord[];
  of(place: Place): Host;
  /** The reason why a backend cannot start in its place; undefined if none is known. */
  findProblem(place: Place): Promise<Problem | undefined>;
  remediesOf(place: Place): Remedies;
}

const OTHER_BROWSER = "try another browser, or leave this backend out";

/** Remedies for a page that ends while it starts a backend. */
export const PAGE_REMEDIES: Remedies = { forCrash: () => OTHER_BROWSER, forThrown: () => OTHER_BROWSER };

import { findRuntime, RUNTIME_KINDS } from "@softmax-bench/host-node";
import { describedImages, type ImageOptions } from "../experiments/networks/images.js";
import type { HostRequest } from "../plan/host-requests.js";
import type { Consent } from "../session/consent.js";
import { provisionBackends } from "../session/provision.js";
import { type Console, writeLine } from "../terminal/console.js";

/** The parts that a command needs. */
export interface Needs {
  readonly backends: Iterable<string>;
  /** True if the user named the backends. */
  readonly areWanted?: boolean;
  readonly hosts?: readonly HostRequest[];
  /** True if networks are computed on images. */
  readonly images?: boolean;
}

/** Asks once about everything that is needed and missing. @returns whether all of it may be fetched */
export const agreeOnParts = (
  consent: Consent,
  { backends, areWanted = false, hosts = [], images = false }: Needs,
  signal: AbortSignal,
): Promise<boolean> =>
  consent.obtain(async (confirm) => {
    const silent = () => {};
    // What is wrong otherwise is reported by the command itself.
    if (images) await describedImages(1, { say: silent, signal, confirm }).catch(silent);
    await provisionBackends([...backends], { say: silent, signal, wanted: areWanted, confirm });
    for (const request of hosts) {
      const kind = RUNTIME_KINDS.find((known) => known === request.kind);
      if (kind) await findRuntime({ ...request, kind }, { progress: silent, signal, confirm }).catch(silent);
    }
  });

/** The options for loading images. */
export const imageOptions = ({ stderr, signal }: Console, consent: Consent | undefined): ImageOptions => ({
  say: (line) => writeLine(stderr, line),
  signal,
  confirm: consent?.confirm ?? (async () => false),
});

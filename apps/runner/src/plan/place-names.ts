import { type Place, parsePlace, REFERENCE_HOST } from "@softmax-bench/core";
import { isReference } from "./references.js";

/** The places of a run, according to its header. */
export const placesOfRun = ({
  backends,
  places,
}: {
  readonly backends: readonly string[];
  readonly places?: readonly string[] | undefined;
}): Place[] => places?.map(readPlace) ?? backends.map((backend) => ({ backend }));

/** The place of a backend that was named without a host: this Node, or Python for a reference. */
export const usualPlace = (backend: string): Place =>
  isReference(backend) ? { backend, host: REFERENCE_HOST } : { backend };

/** The place that a name is of. */
export function readPlace(name: string): Place {
  const { backend, host } = parsePlace(name);
  return host === undefined ? usualPlace(backend) : { backend, host };
}

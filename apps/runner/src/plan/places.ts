import { type Backend, HOST_KINDS, type HostKind, type Place } from "@softmax-bench/core";
import { type HostRequest, THIS_NODE } from "./host-requests.js";
import { loadBackends } from "./load-backends.js";

/** True if a backend can run in hosts of a kind. A backend without a list runs in every kind of process. */
export const runsIn = ({ hosts }: Pick<Backend, "hosts">, kind: HostKind): boolean =>
  hosts ? hosts.includes(kind) : kind !== "browser" && kind !== "python";

/** The kinds of hosts that a backend can run in. */
export const hostsOf = (backend: Backend): HostKind[] => HOST_KINDS.filter((kind) => runsIn(backend, kind));

/**
 * Every backend on every host, host by host.
 *
 * @param areNamed true if a user named the backends; otherwise only those that can run there are taken
 */
export async function placesOn(
  hosts: readonly HostRequest[],
  ids: readonly string[],
  areNamed: boolean,
): Promise<Place[]> {
  const backends = await loadBackends(ids);
  return hosts.flatMap(({ id, kind }) =>
    ids
      .filter((backend) => {
        const loaded = backends.get(backend);
        return areNamed || !loaded || runsIn(loaded, kind);
      })
      .map((backend) => toPlace(backend, id)),
  );
}

/** @param host its id; `node` goes without saying */
const toPlace = (backend: string, host: string): Place =>
  host === THIS_NODE ? { backend } : { backend, host };

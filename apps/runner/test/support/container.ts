import { chmodSync } from "node:fs";
import { ROOT } from "./checkout.js";
import { type Running, spawned, temporaryFolder } from "./cli.js";

/** The paths of this checkout, Node and a folder for results in the container. */
const APP = "/mnt/app";
const NODE = "/mnt/node";
export const RESULTS = "/mnt/results";

/** A user without a line in `/etc/passwd`, as `docker run --user` and OpenShift choose one. */
export const USER = 12_345;

export interface ContainerOptions {
  /** All of its environment, besides `PATH`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Size of a tmpfs that it has in the place, as `64m`; without one, what the machine has. */
  readonly sharedMemory?: string;
  /** The same for the temporary folder; without one, that is read-only. */
  readonly temporary?: string;
}

/** Mounts as in `docker run --read-only --tmpfs /tmp -v <results>:/mnt/results`: `$1` to `$5` are the first arguments. */
const SETUP = `set -e
root=$1 node=$2 results=$3 shm=$4 tmp=$5; shift 5
mount -t tmpfs tmpfs /mnt
mkdir ${APP} ${RESULTS} && touch ${NODE}
mount --bind "$root" ${APP}
mount --bind "$node" ${NODE}
mount --bind "$results" ${RESULTS}
for place in / /mnt ${APP} ${NODE}; do mount -o remount,ro,bind $place; done
[ -z "$shm" ] || mount -t tmpfs -o size=$shm,mode=1777 tmpfs /dev/shm
[ -z "$tmp" ] || mount -t tmpfs -o size=$tmp,mode=1777 tmpfs /tmp
cd /
exec setpriv --reuid ${USER} --regid ${USER} --clear-groups --bounding-set=-all --no-new-privs "$@"`;

/**
 * Starts the command line as a hardened container does: as its first process, as a user who has neither a name nor a home
 * folder, without capabilities, on a read-only root. Only root can do that, see `canUnshare`.
 */
export function startInContainer(
  args: readonly string[],
  { env = {}, sharedMemory = "", temporary = "" }: ContainerOptions = {},
): Running & { readonly out: string } {
  const out = temporaryFolder();
  chmodSync(out, 0o777);
  const variables = Object.entries({ PATH: process.env.PATH, ...env });
  const running = spawned(
    [
      ...["unshare", "--mount", "--pid", "--fork", "--mount-proc"],
      ...["bash", "-c", SETUP, "bash", ROOT, process.execPath, out, sharedMemory, temporary],
      ...["env", "-i", ...variables.map(([name, value]) => `${name}=${value}`)],
      ...[NODE, `${APP}/apps/runner/dist/main.js`, ...args],
    ],
    {},
  );
  return { ...running, out };
}

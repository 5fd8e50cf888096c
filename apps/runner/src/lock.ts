import { spawnSync } from "node:child_process";

/**
 * Locks an open file for this process: until that closes it or ends, however it ends, since the kernel keeps the lock
 * with the open file. Node has no call for it; `flock`, of util-linux or busybox, makes it on a descriptor that it
 * inherits.
 *
 * @returns false if another process has it locked. Where there is no `flock`, or the file system has no locks, true.
 */
export function lock(descriptor: number): boolean {
  const { status } = spawnSync("flock", ["-n", "3"], { stdio: ["ignore", "ignore", "ignore", descriptor] });
  return status !== 1;
}

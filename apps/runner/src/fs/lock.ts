import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { isSystemError } from "@softmax-bench/core";
import { UsageError } from "../terminal/errors.js";

/**
 * Locks an open file for this process, until the process closes it or ends in any way: the kernel keeps the lock with
 * the open file. Node has no call for it; `flock`, of util-linux or busybox, applies it to a descriptor that it
 * inherits.
 *
 * @returns false if another process has it locked; true also without `flock`, or if the file system has no locks.
 */
export function lock(descriptor: number): boolean {
  const { status } = spawnSync("flock", ["-n", "3"], { stdio: ["ignore", "ignore", "ignore", descriptor] });
  return status !== 1;
}

/** The time another process may take to write a few files, in milliseconds. */
const PATIENCE_MS = 120_000;

/**
 * Runs a function on a folder that only one process uses at a time; others wait.
 *
 * @param use receives whether the folder is locked: it is not if `lock` cannot lock it
 * @throws UsageError if another process does not finish
 */
export function exclusively<T>(folder: string, use: (isLocked: boolean) => T): T {
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const { status, error } = spawnSync("flock", ["3"], {
      stdio: ["ignore", "ignore", "ignore", descriptor],
      timeout: PATIENCE_MS,
    });
    if (isSystemError(error) && error.code === "ETIMEDOUT") {
      throw new UsageError(
        `another process has been writing to ${folder} for ${PATIENCE_MS / 1000} s; stop it`,
      );
    }
    return use(status === 0);
  } finally {
    closeSync(descriptor);
  }
}

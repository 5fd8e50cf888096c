import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { isSystemError } from "@softmax-bench/core";
import { UsageError } from "../terminal/errors.js";

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

/** How long another process may take to write a few files, in milliseconds. */
const PATIENCE_MS = 120_000;

/**
 * Does something in a folder that only one process does at a time; others wait.
 *
 * @param use is told whether the folder is locked: it is not where `lock` cannot lock either
 * @throws UsageError if another process does not come to an end
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

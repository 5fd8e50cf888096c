import { spawnSync } from "node:child_process";

/** Makes the kernel kill a process when its parent ends in any way, also if the process is busy (util-linux). */
const SETPRIV = ["setpriv", "--pdeathsig", "KILL"] as const;

let hasSetpriv: boolean | undefined;

/** A command whose process ends with its parent; without `setpriv`, the unchanged command. */
export function endsWithParent(command: readonly string[]): readonly string[] {
  const [file, ...args] = SETPRIV;
  hasSetpriv ??= spawnSync(file, [...args, "true"], { stdio: "ignore" }).status === 0;
  return hasSetpriv ? [...SETPRIV, ...command] : command;
}

import { spawnSync } from "node:child_process";

/** Of util-linux: has the kernel kill a process when its parent ends, however that ends and whatever the process is busy with. */
const SETPRIV = ["setpriv", "--pdeathsig", "KILL"] as const;

let hasSetpriv: boolean | undefined;

/** A command whose process ends with the one that starts it; the command as it is where there is no `setpriv`. */
export function endsWithParent(command: readonly string[]): readonly string[] {
  const [file, ...args] = SETPRIV;
  hasSetpriv ??= spawnSync(file, [...args, "true"], { stdio: "ignore" }).status === 0;
  return hasSetpriv ? [...SETPRIV, ...command] : command;
}

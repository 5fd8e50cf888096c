import { spawnSync } from "node:child_process";
import { networkInterfaces } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

/** An address for documentation, which no machine has. */
const ADDRESS = "198.51.100.77/32";
const INTERVAL_MS = 100;

const [device] = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
  addresses.some(({ internal }) => !internal) ? [name] : [],
);

const ip = (...args: string[]): boolean => spawnSync("ip", args, { stdio: "ignore" }).status === 0;

/** The reason why this process cannot change the machine's network; undefined if it can. */
export const whyNoChanges: string | undefined =
  process.getuid?.() !== 0
    ? "only root changes a network"
    : !ip("-V")
      ? "there is no ip (apt-get install iproute2)"
      : device === undefined
        ? "there is no network"
        : undefined;

/** Gives the machine an address and takes it away again, several times a second, until the signal aborts. @returns the number of changes */
export async function changeNetwork(signal: AbortSignal): Promise<number> {
  let changes = 0;
  while (!signal.aborted) {
    // It ends by itself if this process is killed.
    const lifetime = ["valid_lft", "5", "preferred_lft", "5"];
    if (ip("addr", "add", ADDRESS, "dev", String(device), ...lifetime)) changes++;
    await sleep(INTERVAL_MS);
    if (ip("addr", "del", ADDRESS, "dev", String(device))) changes++;
    await sleep(INTERVAL_MS);
  }
  return changes;
}

import { readFileSync } from "node:fs";

/** Version of the loaded NVIDIA kernel driver, e.g. `570.86`; undefined without one. */
export function nvidiaDriver(): string | undefined {
  try {
    return /\s(\d+\.\d+(\.\d+)?)\s/.exec(readFileSync("/proc/driver/nvidia/version", "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

import type { BackendRecord, HostRecord } from "@softmax-bench/core";
import type { Block } from "./block.js";
import { formatDevice } from "./document.js";

/** The result of starting a backend. */
export interface ExaminedBackend extends BackendRecord {
  /** Starting it took too long and was abandoned: it may work, given more time. */
  readonly slow?: boolean;
  /** It cannot run in this host, and is not broken: kinds of hosts in which it can. */
  readonly runsIn?: readonly string[];
}

/**
 * One row per backend: whether it runs here, on what, or why not.
 *
 * @param simd the processor's vector instructions: those available to a native runtime on the CPU
 */
export const availabilityTable = (backends: readonly ExaminedBackend[], simd = ""): Block => ({
  kind: "table",
  header: [
    "backend",
    "available",
    "runtime",
    "device",
    "threads",
    "dtypes",
    "SIMD",
    "settings",
    "reason",
    "remedy",
  ],
  numeric: [4],
  prose: { columns: [8, 9], width: 48 },
  optional: [7, 6, 5, 4],
  rows: backends.map(
    ({ id, reference, status, slow, runsIn, engine, device, threads, dtypes, settings, reason, remedy }) => {
      const { SIMD = device?.kind === "cpu" ? simd : "", ...others } = settings ?? {};
      return [
        reference ? `${id} (reference)` : id,
        status === "available" ? "yes" : slow ? "slow" : runsIn ? `in ${runsIn.join(", ")}` : "no",
        engine ? `${engine.name} ${engine.version}` : "",
        formatDevice(device),
        threads?.toString() ?? "",
        dtypes?.join(", ") ?? "",
        SIMD,
        Object.entries(others)
          .map(([name, value]) => `${name}: ${value}`)
          .join(", "),
        reason ?? "",
        remedy ?? "",
      ];
    },
  ),
});

/** One row per browser: its version, or how to install it. */
export const hostsTable = (hosts: readonly HostRecord[]): Block => ({
  kind: "table",
  header: ["browser", "available", "version", "reason", "remedy"],
  numeric: [],
  prose: { columns: [3, 4], width: 48 },
  rows: hosts.map(({ id, status, runtime, reason, remedy }) => [
    id,
    status === "available" ? "yes" : "no",
    runtime ? `${runtime.name} ${runtime.version}` : "",
    reason ?? "",
    remedy ?? "",
  ]),
});

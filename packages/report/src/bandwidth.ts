import { type BackendRecord, type Cell, DTYPES, type Environment, type Results } from "@softmax-bench/core";

/** The share of the machine's copy bandwidth that a gradient reaches. */
export interface Achieved {
  /** Bytes of the logits read once and the gradient written once, over the time of the gradient. */
  readonly bytesPerSecond: number;
  /** The share of the bandwidth of copying with as many threads; above 1 if the data stay in cache. */
  readonly share: number;
  /** Logits and gradient fit in the largest cache, which is not limited by memory bandwidth. */
  readonly inCache: boolean;
}

/** Bytes that any gradient of the workload must move: its logits and itself. */
const bytesMoved = ({ rows, classes }: { rows: number; classes: number }, dtype: Cell["dtype"]): number =>
  2 * rows * classes * DTYPES[dtype].bytes;

/** The bandwidth of copying with as many threads as the backend has, or the next smaller measured number. */
function copyBandwidthFor(
  { threads = 1 }: BackendRecord,
  { copyBandwidth = [] }: Environment,
): number | undefined {
  return copyBandwidth
    .filter((measured) => measured.threads <= threads)
    .toSorted((a, b) => b.threads - a.threads)[0]?.bytesPerSecond;
}

/**
 * The bandwidth that a cell achieves.
 *
 * @returns undefined if it was not timed, the file has no copy bandwidth, or the device has its own memory
 */
export function achievedBandwidth(
  {
    backend: id,
    dtype,
    workload: workloadId,
    timing,
  }: Pick<Cell, "backend" | "dtype" | "workload" | "timing">,
  { workloads = [], backends, environment }: Pick<Results, "workloads" | "backends" | "environment">,
): Achieved | undefined {
  const workload = workloads.find((one) => one.id === workloadId);
  const backend = backends.find((one) => one.id === id);
  const nanoseconds = timing?.gradient?.medianNs;
  const limit =
    backend && backend.device?.kind !== "gpu" ? copyBandwidthFor(backend, environment) : undefined;
  if (!workload || !nanoseconds || !limit) return undefined;
  const bytes = bytesMoved(workload, dtype);
  const bytesPerSecond = (1e9 * bytes) / nanoseconds;
  if (!Number.isFinite(bytesPerSecond)) return undefined;
  return { bytesPerSecond, share: bytesPerSecond / limit, inCache: bytes <= (environment.cacheBytes ?? 0) };
}

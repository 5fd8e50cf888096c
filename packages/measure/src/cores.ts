/** The probes of processor cores, for threads that load nothing else. */
export { CoreLatency, type SharedMemory } from "./core-latency.js";
export { probeThroughput } from "./core-throughput.js";

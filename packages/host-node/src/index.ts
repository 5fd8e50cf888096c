export { onLine, sendLine } from "./channel.js";
export { fetchRuntime, findRuntime, type RuntimeRequest } from "./find-runtime.js";
export {
  javascriptWorker,
  type LaunchOptions,
  ProcessConnection,
  type ProcessHostOptions,
  type WorkerCommand,
} from "./process-connection.js";
export { ProcessHost } from "./process-host.js";
export { CURRENT_RUNTIME, RUNTIME_KINDS, RUNTIMES, type Runtime, type RuntimeKind } from "./runtimes.js";
export { Exchange } from "./shared-memory.js";
export { remedyForCrash, remedyForThrown } from "./start-failure.js";

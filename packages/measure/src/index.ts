export {
  copyBytes,
  fillArrays,
  fillWithResults,
  inputArrays,
  lossLength,
  type NamedArrays,
  NoRoomError,
  sizeOf,
  type Values,
  type WorkerArrays,
} from "./arrays.js";
export { Conversation } from "./conversation.js";
export { areUndisturbed, CoreMonitor, CoreReference } from "./core-monitor.js";
export { sha256 } from "./digest.js";
export type { Connection, Crash, Host, Outcome } from "./host.js";
export type { CoreTimes, OtherCores, Platform } from "./platform.js";
export {
  type Computed,
  type Finished,
  type NetworkSpec,
  type Opened,
  phaseSamples,
  type Reply,
  type Request,
  reply,
  type StepsRequest,
  samplingRecord,
  type TrainRequest,
  type WorkRequest,
} from "./protocol.js";
export { PROTOCOL_VERSION } from "./protocol-version.js";
export { excerpt, formatTimeout, parseReply } from "./reply.js";
export { type Instruments, sample } from "./sample.js";
export type { Sampling, SamplingLimits } from "./sampling-limits.js";
export { buildNetwork, concatParameters, splitParameters, stepArrays } from "./step-arrays.js";
export { MeasuringWorker, type WorkerOptions } from "./worker.js";

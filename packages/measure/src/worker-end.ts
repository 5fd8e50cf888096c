/**
 * The end of the protocol in a worker. This is a separate entry point, since the parent's end loads the schema library,
 * which takes longer to load than everything in a worker besides its runtime.
 */
export { NoRoomError, type Values, type WorkerArrays } from "./arrays.js";
export type { Request } from "./protocol.js";
export { MeasuringWorker } from "./worker.js";

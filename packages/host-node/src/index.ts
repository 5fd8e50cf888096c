export { onLine, sendLine } from "./channel.js";
export { Exchange } from "./exchange.js";
export { NodeHost } from "./node-host.js";
export { remedyForCrash, remedyForThrown } from "./start-failure.js";

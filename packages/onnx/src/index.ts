export { oneHotAsEqual } from "./legalize/one-hot.js";
export { IR_VERSION, OPSET } from "./operators.js";
export { serialize } from "./serialize.js";

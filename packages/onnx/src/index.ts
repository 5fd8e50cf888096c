export { int32 } from "./legalize/int32.js";
export { logSoftmaxInSteps } from "./legalize/log-softmax.js";
export { oneHotAsEqual } from "./legalize/one-hot.js";
export { softmaxCrossEntropyLossInSteps } from "./legalize/softmax-cross-entropy-loss.js";
export { IR_VERSION, OPSET } from "./operators.js";
export { serialize } from "./serialize.js";

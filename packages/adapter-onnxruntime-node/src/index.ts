export { onnxruntimeCpu } from "./cpu.js";

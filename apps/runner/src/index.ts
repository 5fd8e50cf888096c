export type { GradientFunction, GradientProblem } from "@softmax-bench/core";
export { type Config, defineConfig } from "./plan/config.js";
export type { OwnGradient, OwnLoss, OwnMethod } from "./plan/own-methods.js";

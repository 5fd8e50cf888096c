export { type BenchOptions, defineConfig } from "./plan/options.js";

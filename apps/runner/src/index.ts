export { type BenchOptions, defineConfig } from "./options.js";

export { type Config, defineConfig } from "./plan/config.js";

import { defineConfig, mergeConfig } from "vite";
import { bundleWithBackends } from "./vite.shared.js";

export default defineConfig(
  mergeConfig(bundleWithBackends, {
    build: { rolldownOptions: { input: ["index.html", "visitor.html"] } },
  }),
);

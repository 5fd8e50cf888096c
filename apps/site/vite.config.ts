import { readFileSync } from "node:fs";
import { defineConfig, mergeConfig } from "vite";
import { bundleWithBackends } from "../page/vite.shared.js";

/** The program that browsers must find at the root of the site, under this name in every version. */
const SERVICE_WORKER = "service-worker";

const { version } = JSON.parse(readFileSync(new URL("../runner/package.json", import.meta.url), "utf8"));

export default defineConfig(
  mergeConfig(bundleWithBackends, {
    define: { __VERSION__: JSON.stringify(version) },
    build: {
      rolldownOptions: {
        input: { index: "index.html", [SERVICE_WORKER]: "src/service-worker.ts" },
        output: {
          entryFileNames: ({ name }: { readonly name: string }) =>
            name === SERVICE_WORKER ? "[name].js" : "assets/[name]-[hash].js",
        },
      },
    },
  }),
);

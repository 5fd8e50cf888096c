import { defineConfig } from "vite";

/**
 * Bundles what TypeScript compiled, with all that it needs, so that a page can import it from any server of files. The two builds of
 * the kernel stay apart, because a page needs one of them.
 */
export default defineConfig({
  build: {
    lib: {
      entry: { index: "dist/modules/index.js", tfjs: "dist/modules/tfjs.js" },
      formats: ["es"],
    },
    rolldownOptions: {
      external: ["@tensorflow/tfjs-core"],
      output: { chunkFileNames: "[name].js", minify: true },
    },
    target: "es2022",
    outDir: "dist",
    emptyOutDir: false,
    sourcemap: true,
  },
});

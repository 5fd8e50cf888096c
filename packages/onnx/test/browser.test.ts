import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("the package makes a bundle for browsers: it needs nothing of Node", async () => {
  const { build } = await import("vite");
  const needed: string[] = [];
  const result = await build({
    configFile: false,
    root: fileURLToPath(new URL("..", import.meta.url)),
    logLevel: "silent",
    build: {
      write: false,
      lib: { entry: fileURLToPath(new URL("../dist/index.js", import.meta.url)), formats: ["es"] },
      rolldownOptions: {
        external: (id) => {
          if (id.startsWith("node:")) needed.push(id);
          return false;
        },
      },
    },
  });
  const [bundle] = Array.isArray(result) ? result : [result];
  expect(needed).toEqual([]);
  expect(bundle && "output" in bundle && bundle.output[0].exports).toContain("trainingStep");
});

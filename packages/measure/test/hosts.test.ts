import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const SOURCES = fileURLToPath(new URL("../src/", import.meta.url));

describe("the measuring side", () => {
  it("names nothing that only Node has", () => {
    const names = /["']node:|\bprocess\.|\bBuffer\b|\brequire\(/;
    const found = readdirSync(SOURCES).filter((file) => names.test(readFileSync(SOURCES + file, "utf8")));
    expect(found).toEqual([]);
  });

  it("loads no schema library in a worker, where it would take longer to load than the rest", () => {
    const hooks = `export const resolve = (name, context, next) => {
      if (name === "zod") throw new Error("zod is loaded");
      return next(name, context);
    };`;
    const hooksUrl = `data:text/javascript,${encodeURIComponent(hooks)}`;
    const load = (module: string) => {
      const program = `
        import { register } from "node:module";
        register(${JSON.stringify(hooksUrl)});
        await import("${module}");`;
      const args = ["--input-type=module", "-e", program];
      return spawnSync(process.execPath, args, { cwd: SOURCES, encoding: "utf8" });
    };
    expect(load("@softmax-bench/measure").stderr).toContain("zod is loaded");
    expect(load("@softmax-bench/measure/worker").status).toBe(0);
  });
});

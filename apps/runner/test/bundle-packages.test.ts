import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { placePackages } from "../dist/bundle/packages.js";
import { stage } from "../dist/bundle/stage.js";
import { findAbsence } from "../dist/plan/absent-backend.js";
import { temporaryFolder } from "./support/cli.js";

describe("the packages of a bundle", () => {
  /** Writes a package with dependencies, in the folder of another. */
  const write = (folder: string, version: string, dependencies: Readonly<Record<string, string>> = {}) => {
    mkdirSync(folder, { recursive: true });
    const name = folder.split("node_modules/").at(-1);
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version, dependencies }));
  };

  it("have each the versions that they were installed with", () => {
    // a 1 needs c 1 and b; b needs c 2, and d, which needs c 2; e needs c 1.
    const root = temporaryFolder();
    const at = (path: string) => join(root, path.replaceAll("/", "/node_modules/"));
    write(root, "1.0.0", { a: "*", e: "*" });
    write(at("/a"), "1.0.0", { b: "*", c: "1" });
    write(at("/c"), "1.0.0");
    write(at("/b"), "1.0.0", { c: "2", d: "*" });
    write(at("/b/c"), "2.0.0");
    write(at("/b/d"), "1.0.0", { c: "2" });
    write(at("/e"), "1.0.0", { c: "1" });
    const seen = (placed: ReturnType<typeof placePackages>, name: string) => {
      for (let from: typeof placed | undefined = placed; from; from = from.parent) {
        const found = from.children.get(name);
        if (found) return found;
      }
      throw new Error(`${placed.package.name} does not see ${name}`);
    };
    const placed = placePackages(new Set(), root);
    const [a, e] = [seen(placed, "a"), seen(placed, "e")];
    const b = seen(a, "b");
    expect([a, b, seen(b, "d"), e].map((from) => seen(from, "c").package.version)).toEqual([
      "1.0.0",
      "2.0.0",
      "2.0.0",
      "1.0.0",
    ]);
  });

  it("are no longer copied when that is stopped", async () => {
    const [root, out] = [temporaryFolder(), temporaryFolder()];
    write(root, "1.0.0");
    for (let file = 0; file < 1000; file++) writeFileSync(join(root, `${file}.js`), "");
    const manifest = { platform: "linux-x64", node: "24.0.0", backends: [], commit: null };
    const file = join(root, "package.json");
    const contents = {
      runner: placePackages(new Set(), root),
      target: { platform: "linux-x64", pageFiles: [] },
      nativeFiles: [],
      node: { version: "24.0.0", executable: file, licence: file },
      manifest,
    };
    const controller = new AbortController();
    setImmediate(() => controller.abort());
    await expect(stage(out, contents, controller.signal)).rejects.toThrow(controller.signal.reason);
    expect(readdirSync(join(out, "app")).length).toBeLessThan(1000);
  });

  it("are all installed", () => {
    const root = temporaryFolder();
    write(root, "1.0.0", { missing: "*" });
    expect(() => placePackages(new Set(), root)).toThrow("needs missing, which is not installed");
  });
});

describe("the adapters of a bundle", () => {
  /** The names of all packages in a tree. */
  const namesIn = (placed: ReturnType<typeof placePackages>): string[] => [
    placed.package.name,
    ...[...placed.children.values()].flatMap(namesIn),
  ];

  it.each([
    ["tfjs-wasm", ["@tensorflow/tfjs", "@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-wasm"]],
    ["tfjs-cpu", ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-cpu"]],
    ["onnxruntime-node", ["onnxruntime-node", "onnxruntime-common"]],
    ["onnxruntime-web", ["onnxruntime-web"]],
    ["jax-js", ["@jax-js/jax"]],
  ])("bring the runtime of %s, an optional peer, and no other", (adapter, runtimes) => {
    const names = namesIn(placePackages(new Set([`@softmax-bench/adapter-${adapter}`])));
    expect(names).toEqual(expect.arrayContaining([`@softmax-bench/adapter-${adapter}`, ...runtimes]));
    expect(names.filter((name) => name.includes("/adapter-"))).toHaveLength(1);
    const RUNTIMES = /^(?:@tensorflow|onnxruntime-node|onnxruntime-web|@jax-js)/;
    const family = adapter.replace(/-.*/, "").replace("tfjs", "tensorflow");
    expect(names.filter((name) => RUNTIMES.test(name) && !name.includes(family))).toEqual([]);
  });
});

describe("backends that are absent from a bundle", () => {
  const bundle = { platform: "linux-x64", node: "24.0.0", backends: ["wasm-simd"], commit: null };

  it("are those of this repository that it was made without", () => {
    expect(findAbsence("tfjs-cpu", bundle)).toEqual({
      reason: "not in this bundle",
      remedy: "make one with it: pnpm bundle --backend wasm-simd,tfjs-cpu --platform linux-x64",
    });
  });

  it.each([
    ["one that it has", "wasm-simd"],
    ["a reference, which runs in the machine's Python", "pytorch"],
    ["the user's own", "mine"],
    ["the user's gradients in plain JavaScript", "javascript"],
    ["a name that every object has", "constructor"],
  ])("are not %s", (_, id) => {
    expect(findAbsence(id, bundle)).toBeUndefined();
  });
});

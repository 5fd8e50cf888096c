import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, onTestFinished } from "vitest";
import { onnxruntimeCuda } from "../src/cuda.js";
import { cudaInstallation, cudaLibrariesRecipe, cudaLibraryFolder } from "../src/cuda-parts.js";

const { LD_LIBRARY_PATH, PATH, SOFTMAX_BENCH_CACHE } = process.env;
afterEach(() => {
  for (const [name, value] of Object.entries({ LD_LIBRARY_PATH, PATH, SOFTMAX_BENCH_CACHE })) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

it("CUDA's libraries in a bundle are found after those of the user", async () => {
  const cache = await mkdtemp(join(tmpdir(), "cuda-bundle-"));
  onTestFinished(() => rm(cache, { recursive: true }));
  process.env.SOFTMAX_BENCH_CACHE = cache;
  process.env.LD_LIBRARY_PATH = "/opt/cuda/lib";
  expect(await onnxruntimeCuda.environment?.()).not.toHaveProperty("LD_LIBRARY_PATH");
  const folder = cudaLibraryFolder(cudaInstallation());
  await mkdir(folder, { recursive: true });
  expect(await onnxruntimeCuda.environment?.()).toHaveProperty("LD_LIBRARY_PATH", `/opt/cuda/lib:${folder}`);
  delete process.env.LD_LIBRARY_PATH;
  expect(await onnxruntimeCuda.environment?.()).toHaveProperty("LD_LIBRARY_PATH", folder);
});

it("CUDA's libraries are wheels of exact versions, which the name of their part has", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cuda-bundle-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const pip = `#!/bin/sh\nwhile [ "$1" != --requirement ]; do shift; done; cp "$2" "${folder}/wheels"\n`;
  await writeFile(join(folder, "python3"), pip, { mode: 0o755 });
  process.env.PATH = `${folder}:${PATH}`;
  const { name, build } = cudaLibrariesRecipe();
  await build(join(folder, "part"), { progress: () => {}, signal: new AbortController().signal });
  const wheels = (await readFile(join(folder, "wheels"), "utf8")).trim().split("\n");
  expect(wheels).toHaveLength(3);
  for (const wheel of wheels) {
    const [, version] = /^nvidia-[a-z-]+==(\d+(?:\.\d+)+)$/.exec(wheel) ?? [];
    expect(name.split("-"), wheel).toContain(version);
  }
});

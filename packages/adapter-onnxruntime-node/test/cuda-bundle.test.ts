import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, onTestFinished } from "vitest";
import { onnxruntimeCuda } from "../src/cuda.js";
import { cudaInstallation, cudaLibraryFolder } from "../src/cuda-parts.js";

const { LD_LIBRARY_PATH, SOFTMAX_BENCH_CACHE } = process.env;
afterEach(() => {
  for (const [name, value] of Object.entries({ LD_LIBRARY_PATH, SOFTMAX_BENCH_CACHE })) {
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

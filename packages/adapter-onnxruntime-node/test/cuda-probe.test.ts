import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { probeProvider } from "../src/cuda-probe.js";
import { nativeFolder } from "../src/installation.js";

const run = promisify(execFile);
const compiler = await run("cc", ["--version"]).then(
  () => true,
  () => false,
);

let installation: string;
beforeEach(async () => {
  installation = await mkdtemp(join(tmpdir(), "onnxruntime-node-"));
  await mkdir(nativeFolder(installation), { recursive: true });
});
afterEach(async () => {
  await rm(installation, { recursive: true });
});

/** A library that needs another, which is gone afterwards. */
async function libraryThatNeeds(dependency: string, library: string): Promise<void> {
  const needed = join(installation, dependency);
  const source = join(installation, "empty.c");
  await writeFile(source, "");
  await run("cc", ["-shared", "-o", needed, `-Wl,-soname,${dependency}`, source]);
  await run("cc", ["-shared", "-o", library, "-Wl,--no-as-needed", source, needed]);
  await rm(needed);
}

describe.runIf(process.platform === "linux")("probing the CUDA provider's libraries", () => {
  it("names the first of the provider's files that is missing", async () => {
    expect(await probeProvider(installation)).toEqual({
      available: false,
      reason: expect.stringContaining("libonnxruntime_providers_shared.so is missing"),
      remedy: "pnpm run doctor --fix onnxruntime-cuda",
    });
  });

  it.runIf(compiler)("names NVIDIA's libraries that it needs, and the wheel that has them", async () => {
    const folder = nativeFolder(installation);
    await writeFile(join(folder, "libonnxruntime_providers_shared.so"), "");
    await libraryThatNeeds("libcublasLt.so.13", join(folder, "libonnxruntime_providers_cuda.so"));
    expect(await probeProvider(installation)).toEqual({
      available: false,
      reason: "libonnxruntime_providers_cuda.so needs libcublasLt.so.13, not found",
      remedy: expect.stringContaining("pip install nvidia-cublas~=13.0"),
    });
  });

  it("does not throw over a provider that is no library", async () => {
    for (const file of ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"]) {
      await writeFile(join(nativeFolder(installation), file), "not ELF");
    }
    expect(await probeProvider(installation)).toMatchObject({ available: false });
  });
});

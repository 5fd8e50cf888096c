import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Unavailable } from "@softmax-bench/core";
import { CommandError, run } from "@softmax-bench/provision";

const require = createRequire(import.meta.url);

/** Folder of the installed `@tensorflow/tfjs-node-gpu`, whose C++ sources and JavaScript go together. */
export const tfjsNodeFolder = (): string =>
  dirname(require.resolve("@tensorflow/tfjs-node-gpu/package.json"));
const nodeApiHeaders = (): string => join(dirname(require.resolve("node-api-headers")), "include");
export const tfjsNodeVersion = (): string => require("@tensorflow/tfjs-node-gpu/package.json").version;

/** A TensorFlow to link with. */
export interface Libtensorflow {
  /** Folder of `libtensorflow*.so*`. */
  readonly libraries: string;
  /** Folder that holds `tensorflow/c/c_api.h`. */
  readonly headers: string;
}

/**
 * Compiles the addon between Node and TensorFlow from the sources that the npm package ships. Node-API is
 * stable, so one build serves every Node.
 *
 * @param file the addon, e.g. `…/tfjs_binding.node`; its folder is made
 * @param runpath where the addon looks for the libraries; may start with `$ORIGIN`
 * @throws Unavailable if there is no compiler, or it fails
 */
export async function buildBinding(
  { libraries, headers }: Libtensorflow,
  file: string,
  runpath: string,
  signal: AbortSignal,
): Promise<void> {
  const sources = tfjsNodeFolder();
  const compiler = process.env.CXX || "g++";
  const found = await librariesIn(libraries);
  await mkdir(dirname(file), { recursive: true });
  try {
    await run(
      compiler,
      [
        ...["-std=c++17", "-O2", "-fPIC", "-shared", "-DNAPI_VERSION=8"],
        ...["-I", nodeApiHeaders(), "-I", sources, "-I", headers],
        ...["tfjs_backend.cc", "tfjs_binding.cc"].map((name) => join(sources, "binding", name)),
        ...["-o", file, ...found.map((name) => join(libraries, name)), `-Wl,-rpath,${runpath}`],
      ],
      { signal },
    );
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw error.found
      ? new Unavailable(
          `${compiler} does not build TensorFlow.js's addon: ${error.message}`,
          "see to it that the compiler works and the headers belong to the library",
        )
      : new Unavailable(
          `there is no C++ compiler (${compiler})`,
          "install one, e.g. apt-get install g++, or name one in CXX",
        );
  }
}

/** @throws Unavailable if the folder does not hold TensorFlow's libraries. */
async function librariesIn(folder: string): Promise<string[]> {
  const names = existsSync(folder) ? await readdir(folder) : [];
  const main = names.find((name) => /^libtensorflow(_cc)?\.so(\.2)?$/.test(name));
  const framework = names.find((name) => /^libtensorflow_framework\.so(\.2)?$/.test(name));
  if (main && framework) return [main, framework];
  throw new Unavailable(
    `${folder} lacks ${main ? "libtensorflow_framework.so.2" : "libtensorflow.so.2 or libtensorflow_cc.so.2"}`,
    "set LIBTENSORFLOW_DIR to a folder with lib/ and include/ of TensorFlow's C library",
  );
}

import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { type NativeFile, Unavailable } from "@softmax-bench/core";
import {
  installWheels,
  nvidiaDriver,
  PLATFORM,
  type ProvideOptions,
  provide,
  type Recipe,
} from "@softmax-bench/provision";
import { buildBinding, tfjsNodeFolder, tfjsNodeVersion } from "./build-binding.js";
import { TENSORFLOW_VERSION, wheelFor } from "./tensorflow.js";

/** The path of the addon in a part. */
export const ADDON = join("binding", "tfjs_binding.node");

/** The time of compiling the addon on two cores. */
const BUILD_SECONDS = 45;

/** The path of the addon in an installed tfjs-node. */
const INSTALLED_ADDON = join("lib", "napi-v8", "tfjs_binding.node");

/** The addon of a tfjs-node whose own install script succeeded, of the version whose JavaScript we run. */
export function installedAddon(): string | undefined {
  const version = tfjsNodeVersion();
  const fromProject = createRequire(join(process.cwd(), "package.json"));
  const folders = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"].flatMap((name) => {
    try {
      const manifest = fromProject.resolve(`${name}/package.json`);
      return fromProject(manifest).version === version ? [dirname(manifest)] : [];
    } catch {
      return [];
    }
  });
  return [tfjsNodeFolder(), ...folders]
    .map((folder) => join(folder, INSTALLED_ADDON))
    .find((file) => existsSync(file));
}

/** The recipe to use without a usable installation: from `LIBTENSORFLOW_DIR` if set, otherwise from a wheel. */
export const recipe = (): Recipe => {
  const given = process.env.LIBTENSORFLOW_DIR;
  return given ? fromFolder(resolve(given)) : fromWheel();
};

/**
 * The addon and TensorFlow's libraries, in the places where `installedAddon` and the addon find them. They are those for
 * this machine: with CUDA's libraries if it has an NVIDIA driver.
 * @throws Unavailable if they cannot be had, or would not work elsewhere
 */
export async function listLibraries(options: ProvideOptions): Promise<readonly NativeFile[]> {
  if (process.env.LIBTENSORFLOW_DIR) {
    throw new Unavailable(
      "an addon for the TensorFlow in LIBTENSORFLOW_DIR works on this machine only",
      "unset LIBTENSORFLOW_DIR: TensorFlow is then taken from a Python wheel",
    );
  }
  const part = await provide(fromWheel(), options);
  const files = [
    { source: join(part, ADDON), path: INSTALLED_ADDON },
    { source: join(part, "tensorflow"), path: join("lib", "tensorflow") },
    { source: join(part, "nvidia"), path: join("lib", "nvidia") },
  ];
  return files
    .filter(({ source }) => existsSync(source))
    .map((file) => ({ ...file, package: "@tensorflow/tfjs-node-gpu" }));
}

function fromFolder(folder: string): Recipe {
  const libraries = join(folder, "lib");
  return {
    name: partName(`libtensorflow-${fingerprint(libraries)}`),
    space: 1e7,
    cost: { title: "TensorFlow.js's addon", downloadBytes: 0, buildSeconds: BUILD_SECONDS },
    async build(part, { progress, signal }) {
      progress(`building TensorFlow.js's addon for ${folder}`);
      const libtensorflow = { libraries, headers: join(folder, "include") };
      await buildBinding(libtensorflow, join(part, ADDON), libraries, signal);
    },
  };
}

/** Keeps only the libraries of the wheel; they find CUDA's beside them. */
function fromWheel(): Recipe {
  const wheel = wheelFor(nvidiaDriver());
  return {
    name: partName(wheel.id),
    space: wheel.space,
    cost: {
      title: `TensorFlow ${TENSORFLOW_VERSION} and its addon for Node`,
      downloadBytes: wheel.downloadBytes,
      buildSeconds: BUILD_SECONDS,
    },
    async build(part, { progress, signal }) {
      progress(`downloading ${wheel.requirement.split(" ")[0]} with pip`);
      const target = join(part, "unpacked");
      await installWheels({
        requirements: [wheel.requirement],
        dependencies: wheel.dependencies,
        target,
        signal,
      });
      progress("building TensorFlow.js's addon");
      const tensorflow = join(target, "tensorflow");
      const libtensorflow = { libraries: tensorflow, headers: join(tensorflow, "include") };
      await buildBinding(libtensorflow, join(part, ADDON), "$ORIGIN/../tensorflow", signal);
      await keepLibraries(target, part);
    },
  };
}

async function keepLibraries(unpacked: string, part: string): Promise<void> {
  const [tensorflow, libraries] = [join(unpacked, "tensorflow"), join(part, "tensorflow")];
  await mkdir(libraries);
  for (const name of await readdir(tensorflow)) {
    if (/^libtensorflow.*\.so/.test(name)) await rename(join(tensorflow, name), join(libraries, name));
  }
  const nvidia = join(unpacked, "nvidia");
  if (existsSync(nvidia)) await rename(nvidia, join(part, "nvidia"));
  await rm(unpacked, { recursive: true });
}

const partName = (what: string): string => `tfjs-node-${tfjsNodeVersion()}-${what}-${PLATFORM}`;

/** Distinguishes one library in a folder from a later one in the same place. */
function fingerprint(libraries: string): string {
  const hash = createHash("sha256").update(libraries);
  const names = existsSync(libraries) ? ["libtensorflow.so.2", "libtensorflow_cc.so.2"] : [];
  for (const name of names) {
    const found = statSync(join(libraries, name), { throwIfNoEntry: false });
    if (found) hash.update(`${found.size} ${found.mtimeMs}`);
  }
  return hash.digest("hex").slice(0, 12);
}

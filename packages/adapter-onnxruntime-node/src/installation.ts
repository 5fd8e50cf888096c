import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Availability } from "@softmax-bench/core";
import { messageOf, probePackages, reinstallLine } from "@softmax-bench/core";
import { PLATFORM } from "@softmax-bench/provision";

export type OnnxRuntimeNode = typeof import("onnxruntime-node");

const require = createRequire(import.meta.url);

/**
 * Turns off telemetry. ONNX Runtime's native builds report usage to Microsoft from a thread of their own. A benchmark
 * should not, for its users' sake and its timing's. It is set for the process, since the library reads it when it
 * starts.
 */
export const QUIET = { ORT_DISABLE_TELEMETRY: "1" } as const;

/** Checks that the package is installed. */
export const probeRuntime = (): Availability => probePackages(import.meta, { webAssembly: false });

/** Folder of the onnxruntime-node that this package depends on. */
export const installedFolder = (): string => dirname(require.resolve("onnxruntime-node/package.json"));

export const installedVersion = (): string => require("onnxruntime-node/package.json").version;

/** The runtime of an onnxruntime-node in another folder. @throws Error if its addon does not load. */
export const runtimeAt = (folder: string): OnnxRuntimeNode => require(folder) as OnnxRuntimeNode;

/** The folder in which an installation keeps its native libraries for this platform. */
export const nativeFolder = (installation: string): string =>
  join(installation, "bin", "napi-v6", process.platform, process.arch);

/** Version of the native library, as it reports itself. */
export const versionOf = ({ env }: OnnxRuntimeNode): string => env.versions.node ?? env.versions.common;

/** Checks that the package is installed, and that its addon loads. */
export function probeInstalled(): Availability {
  const runtime = probeRuntime();
  return runtime.available ? loads(installedFolder()) : runtime;
}

/** Checks that the addon loads. */
export function loads(installation: string): Availability {
  try {
    runtimeAt(installation);
    return { available: true };
  } catch (error) {
    return {
      available: false,
      reason: `onnxruntime-node does not load: ${firstLine(error)}`,
      remedy: `${reinstallLine()}, on this platform (${PLATFORM})`,
    };
  }
}

export const firstLine = (error: unknown): string => messageOf(error).split("\n", 1)[0] ?? "";

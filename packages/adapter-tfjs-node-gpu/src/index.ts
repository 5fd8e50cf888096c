import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { cpus } from "node:os";
import { delimiter, join } from "node:path";
import { type Availability, type Backend, commandLine, probePackages } from "@softmax-bench/core";
import { inspect, provision } from "@softmax-bench/provision";
import { ADDON, installedAddon, listLibraries, recipe } from "./parts.js";

const PROVISION = commandLine("doctor --fix tfjs-node-gpu");

/** Checks that the package with the JavaScript and the sources of the addon is installed. */
const probeRuntime = (): Availability => probePackages(import.meta, { webAssembly: false });

/**
 * TensorFlow.js on native TensorFlow. One library serves CPU and GPU: `device.kind` says which it took. Its
 * native parts come from an installed tfjs-node, from `LIBTENSORFLOW_DIR`, or are provisioned.
 */
export const tfjsNodeGpu: Backend = {
  id: "tfjs-node-gpu",
  cost: { nsPerElement: 15 },
  trainsFast: true,
  dtypes: ["float32"],

  async probe(): Promise<Availability> {
    const runtime = probeRuntime();
    if (!runtime.available || installedAddon()) return runtime;
    const { name } = recipe();
    const found = await inspect(name);
    if (found.state === "complete") return { available: true };
    const { LIBTENSORFLOW_DIR } = process.env;
    const tried = [
      "no tfjs-node with its addon is installed",
      LIBTENSORFLOW_DIR ? `LIBTENSORFLOW_DIR is ${LIBTENSORFLOW_DIR}` : "LIBTENSORFLOW_DIR is not set",
      found.state === "damaged" ? found.reason : `${found.folder} is not there`,
    ];
    return {
      available: false,
      reason: `native TensorFlow is missing: ${tried.join("; ")}`,
      remedy: PROVISION,
    };
  },

  async environment() {
    const cuda =
      !probeRuntime().available || installedAddon()
        ? undefined
        : join((await inspect(recipe().name)).folder, "nvidia");
    const quiet = { TF_CPP_MIN_LOG_LEVEL: process.env.TF_CPP_MIN_LOG_LEVEL ?? "2" };
    if (!cuda || !existsSync(cuda)) return quiet;
    const folders = (await readdir(cuda)).map((name) => join(cuda, name, "lib"));
    const path = [...folders, process.env.LD_LIBRARY_PATH ?? ""].filter(Boolean).join(delimiter);
    return { ...quiet, LD_LIBRARY_PATH: path };
  },

  async provision(options) {
    const runtime = probeRuntime();
    if (!runtime.available) return options.wanted ? runtime : undefined;
    return installedAddon() ? undefined : await provision(recipe(), options);
  },

  listNativeFiles: listLibraries,

  async open({ threads }) {
    process.env.TF_NUM_INTRAOP_THREADS = String(threads);
    const { kernelBackend, loadAddon } = await import("./load.js");
    const tf = await import("@tensorflow/tfjs-core");
    const { TfjsEngine } = await import("@softmax-bench/tfjs");
    const installed = installedAddon();
    const addon = installed
      ? loadAddon(installed, "install that tfjs-node anew, or remove it: another way is then taken")
      : loadAddon(join((await inspect(recipe().name)).folder, ADDON), PROVISION);
    tf.registerBackend("tensorflow", () => kernelBackend(addon));
    if (!(await tf.setBackend("tensorflow"))) throw new Error("TensorFlow.js did not start on TensorFlow");
    const gpu = addon.isUsingGpuDevice();
    return new TfjsEngine({
      engine: { name: "TensorFlow, by @tensorflow/tfjs-node-gpu", version: addon.TF_Version, code: "native" },
      device: gpu
        ? { kind: "gpu", name: "first GPU that TensorFlow lists" }
        : { kind: "cpu", name: cpus()[0]?.model.trim() ?? process.arch },
      threads,
      dtypes: tfjsNodeGpu.dtypes,
    });
  },
};

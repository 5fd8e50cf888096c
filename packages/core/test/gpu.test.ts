import { describe, expect, it } from "vitest";
import { probeWebgl, probeWebgpu, webgpuDevice } from "../src/index.js";

describe("the device of WebGPU", () => {
  it.each([
    ["software-gpu", "google swiftshader", { vendor: "google", architecture: "swiftshader" }],
    [
      "software-gpu",
      "mesa llvmpipe (LLVM 15.0.6, 256 bits)",
      { description: "mesa llvmpipe (LLVM 15.0.6, 256 bits)" },
    ],
    [
      "software-gpu",
      "microsoft Microsoft Basic Render Driver",
      { vendor: "microsoft", description: "Microsoft Basic Render Driver" },
    ],
    ["software-gpu", "unnamed adapter", { vendor: "", isFallbackAdapter: true }],
    ["gpu", "nvidia ampere", { vendor: "nvidia", architecture: "ampere", device: "", description: "" }],
    ["gpu", "apple metal-3", { vendor: "apple", architecture: "metal-3", isFallbackAdapter: false }],
  ])("is a %s: %s", (kind, name, adapterInfo) => {
    expect(webgpuDevice({ adapterInfo })).toEqual({ kind, name: `${name} (WebGPU)` });
  });

  it("is a GPU without a name where the browser says nothing", () => {
    expect(webgpuDevice({})).toEqual({ kind: "gpu", name: "unnamed adapter (WebGPU)" });
  });
});

describe("a backend of browsers in Node", () => {
  it("is unavailable, and the remedy is a browser", async () => {
    for (const availability of [probeWebgl(), await probeWebgpu()]) {
      expect(availability).toEqual({
        available: false,
        reason: "it runs in browsers only",
        remedy: "--host chromium",
      });
    }
  });
});

import { tfjsWebgl, tfjsWebgpu } from "@softmax-bench/adapter-tfjs-gpu";
import { describe, expect, it } from "vitest";

// What they compute is tested in pages, by the runner: `browser-gpu.test.ts`.
describe.each([tfjsWebgl, tfjsWebgpu])("$id in Node", (backend) => {
  it("says that it is not there, why, and what would help", async () => {
    expect(backend.hosts).toEqual(["browser"]);
    expect(await backend.probe()).toMatchObject({
      available: false,
      reason: expect.stringMatching(/\w/),
      remedy: expect.stringMatching(/\w/),
    });
  });
});

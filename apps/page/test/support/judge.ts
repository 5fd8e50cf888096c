import { METHODS, type Results } from "@softmax-bench/core";
import { expect } from "vitest";

/** Expects that a visitor's browser has measured these backends, and that each gradient is as exact as promised. */
export function expectMeasured(results: Results, host: string, ids: readonly string[]): void {
  const { run, hosts, backends, cells, environment } = results;
  expect(run).toMatchObject({ status: "complete", profile: "smoke" });
  expect(hosts).toMatchObject([
    {
      id: host,
      status: "available",
      runtime: { version: expect.stringMatching(/^\d+\.\d/) },
      settings: { "cross-origin isolated": "yes", "step of its clock": expect.stringMatching(/^\d+ µs$/) },
    },
  ]);
  expect(environment.cpu).toContain("a test");
  expect(backends.map(({ id, status }) => `${id} ${status}`).sort()).toEqual(
    ids.map((id) => `${id} available`).sort(),
  );
  const finished = cells.filter(({ status }) => status === "ok");
  expect(new Set(finished.map(({ backend }) => backend))).toEqual(new Set(ids));
  expect(cells.filter(({ status }) => status !== "ok" && status !== "unsupported")).toEqual([]);
  expect(cells).toHaveLength(ids.length * METHODS.length * 2 * (run.profile === "smoke" ? 4 : 0));
  for (const { accuracy, timing, gradientDigest } of finished) {
    expect(accuracy?.gradient.nonFinite).toBe(0);
    expect(accuracy?.gradient.relL2).toBeLessThan(1e-5);
    expect(accuracy?.gradient.boundRatio).toBeLessThanOrEqual(1);
    expect(timing?.gradient?.medianNs).toBeGreaterThan(0);
    expect(gradientDigest).toMatch(/^sha256:[0-9a-f]{64}$/);
  }
}

import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evict, provide } from "@softmax-bench/provision";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const NOW = Date.now();
const DAY_MS = 86_400_000;
const options = { progress: () => {}, signal: new AbortController().signal };

let cache = "";
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "evict-test-"));
  vi.stubEnv("SOFTMAX_BENCH_CACHE", cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true, force: true });
});

/** Makes a part of so many bytes, which was used last so many days ago. */
async function makePart(name: string, bytes: number, daysAgo: number): Promise<void> {
  const build = async (folder: string) => writeFileSync(join(folder, "file"), new Uint8Array(bytes));
  age(await provide({ name, space: 1, build }, options), daysAgo);
}

function age(folder: string, daysAgo: number): void {
  const time = new Date(NOW - daysAgo * DAY_MS);
  utimesSync(folder, time, time);
}

const left = () => readdirSync(cache).sort();
const evictRevisions = (limitBytes: number) =>
  evict({ prefix: "revision-", limitBytes, maxAgeDays: 30, now: NOW });

describe("evict", () => {
  it("removes what was not used for longer than the maximum, and nothing else while there is room", async () => {
    await makePart("revision-a", 10, 29);
    await makePart("revision-b", 10, 31);
    await evictRevisions(100);
    expect(left()).toEqual(["revision-a"]);
  });

  it("removes the least recently used until the others fit into the limit", async () => {
    for (const [name, daysAgo] of [
      ["revision-a", 4],
      ["revision-b", 2],
      ["revision-c", 5],
      ["revision-d", 3],
    ] as const) {
      await makePart(name, 10, daysAgo);
    }
    await evictRevisions(25);
    expect(left()).toEqual(["revision-b", "revision-d"]);
  });

  it("counts a part as used when it is provided again", async () => {
    await makePart("revision-a", 10, 5);
    await makePart("revision-b", 10, 4);
    await provide({ name: "revision-a", space: 1, build: () => Promise.reject("it is there") }, options);
    await evictRevisions(10);
    expect(left()).toEqual(["revision-a"]);
  });

  it("leaves what was used within a day, which may still be in use, whatever the limit", async () => {
    await makePart("revision-a", 10, 0.9);
    await makePart("revision-b", 10, 1.1);
    await evictRevisions(0);
    expect(left()).toEqual(["revision-a"]);
  });

  it("removes what a killed process left behind a day ago, and not what another one may be making", async () => {
    for (const [name, daysAgo] of [
      ["revision-a.1.partial", 2],
      ["revision-a.2.partial", 0.1],
    ] as const) {
      mkdirSync(join(cache, name));
      writeFileSync(join(cache, name, "half"), "");
      age(join(cache, name), daysAgo);
    }
    await evictRevisions(100);
    expect(left()).toEqual(["revision-a.2.partial"]);
  });

  it("looks at nothing else in the cache", async () => {
    await makePart("tensorflow-2.21", 1000, 365);
    await evictRevisions(0);
    expect(left()).toEqual(["tensorflow-2.21"]);
  });

  it("does nothing where there is no cache", async () => {
    vi.stubEnv("SOFTMAX_BENCH_CACHE", join(cache, "nowhere"));
    await expect(evictRevisions(0)).resolves.toBeUndefined();
  });
});

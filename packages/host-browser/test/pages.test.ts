import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PageServer } from "@softmax-bench/host-browser";
import { expect, it, onTestFinished } from "vitest";

it("knows how large the files are that a page has loaded before it passes on the page's reply", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pages-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  // Compressing it takes much longer than a reply.
  writeFileSync(join(folder, "large.js"), Buffer.alloc(2 ** 26, "a page's code, "));
  const server = new PageServer(folder);
  onTestFinished(() => server.close());
  const events: unknown[] = [];
  const { address } = await server.admit({
    seen: () => {},
    listen: () => {},
    served: (name, compressed) => events.push([name, compressed > 0]),
    reply: (line, number) => events.push([line, number]),
    fail: () => {},
    inputs: () => undefined,
    results: () => {},
  });
  const loaded = await fetch(`${address}large.js`);
  expect((await loaded.arrayBuffer()).byteLength).toBe(2 ** 26);
  expect((await fetch(`${address}replies?to=1`, { method: "POST", body: "opened" })).status).toBe(204);
  expect(events).toEqual([
    ["large.js", true],
    ["opened", 1],
  ]);
});

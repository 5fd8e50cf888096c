import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { ROOT } from "./root.js";

const DOCS = join(ROOT, "docs");

/** The HTML of a page, with links to files outside the site leading to a repository. */
function buildSite(): string {
  const out = mkdtempSync(join(tmpdir(), "softmax-bench-docs-"));
  onTestFinished(() => rmSync(out, { recursive: true }));
  const call = (name: string, ...args: string[]) =>
    spawnSync(join(DOCS, "node_modules", ".bin", name), args, {
      cwd: DOCS,
      encoding: "utf8",
      env: { ...process.env, REPOSITORY_URL: "https://example.org/softmax-bench" },
    });
  for (const done of [call("typedoc"), call("vitepress", "build", ".", "--outDir", out)]) {
    expect(done.status, done.stdout + done.stderr).toBe(0);
  }
  return out;
}

it("has a page for each document and each exported name, and no dead link", { tags: "nightly" }, () => {
  const site = buildSite();
  for (const document of readdirSync(DOCS).filter((name) => name.endsWith(".md"))) {
    expect(existsSync(join(site, document.replace(/\.md$/, ".html"))), document).toBe(true);
  }
  const oracle = readFileSync(join(site, "api/numerics/src/functions/oracle.html"), "utf8");
  expect(oracle).toContain("double-double");
  const deploy = "https://example.org/softmax-bench/blob/HEAD/deploy/README.md";
  expect(readFileSync(join(site, "cli.html"), "utf8")).toContain(deploy);
});

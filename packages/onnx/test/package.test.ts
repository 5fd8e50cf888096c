import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { describe, expect, it } from "vitest";

const PACKAGES = fileURLToPath(new URL("../..", import.meta.url));

/** What `npm publish` would send. */
function packed(folder: string): { tarball: Uint8Array; files: string[] } {
  const out = mkdtempSync(join(tmpdir(), "pack-"));
  try {
    const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", out];
    const [{ filename, files }] = JSON.parse(execFileSync("npm", args, { cwd: folder, encoding: "utf8" }));
    const names = (files as { path: string }[]).map(({ path }) => path);
    return { tarball: readFileSync(join(out, filename)), files: names };
  } finally {
    rmSync(out, { recursive: true });
  }
}

describe.each(["graph", "onnx"])("the package @softmax-bench/%s as it is published", (name) => {
  const folder = join(PACKAGES, name);
  const { tarball, files } = packed(folder);

  it("has what users need, and nothing else", () => {
    expect(files).toEqual(expect.arrayContaining(["README.md", "LICENSE", "package.json", "dist/index.js"]));
    expect(
      files.filter(
        (file) => !/^(dist\/.*\.(js|d\.ts)(\.map)?|src\/.*\.ts|README\.md|LICENSE|package\.json)$/.test(file),
      ),
    ).toEqual([]);
  });

  it("passes publint", async () => {
    const { messages, pkg } = await publint({ pkgDir: folder, pack: "npm", strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  it("has types that resolve, for ES modules", async () => {
    const analysis = await checkPackage(createPackageFromTarballData(tarball));
    expect(analysis.types).not.toBe(false);
    // It is for ES modules alone: require() and resolution without "exports" are not what it offers.
    const resolved = ["node16-esm", "bundler"];
    const problems = "problems" in analysis ? analysis.problems : [];
    expect(
      problems.filter((of) => !("resolutionKind" in of) || resolved.includes(of.resolutionKind)),
    ).toEqual([]);
  });
});

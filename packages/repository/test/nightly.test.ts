import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ROOT } from "./root.js";

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

/** The tag, by itself or in a list. */
const TAG = /\btags: \[?"nightly"/;

/** Its own examples are no tests. */
const THIS = "nightly.test.ts";

const PACKAGES = ["packages", "apps"].flatMap((group) =>
  readdirSync(join(ROOT, group)).map((name) => join(group, name)),
);

/** True if a test of the package has the tag. */
function hasNightlyTests(folder: string): boolean {
  const tests = join(ROOT, folder, "test");
  if (!existsSync(tests)) return false;
  const names = readdirSync(tests, { recursive: true, encoding: "utf8" });
  return names.some(
    (name) => /\.ts$/.test(name) && name !== THIS && TAG.test(read(join(folder, "test", name))),
  );
}

describe("tests with the tag nightly", () => {
  it("are run by pnpm test:nightly in every package that has some, and in no other", () => {
    const withScript = PACKAGES.filter((folder) => {
      const { scripts = {} } = JSON.parse(read(join(folder, "package.json")));
      return "test:nightly" in scripts;
    });
    expect(withScript).toEqual(PACKAGES.filter(hasNightlyTests));
    expect(withScript).toContain("apps/runner");
  });

  it("are run every night, and the documentation says so", () => {
    const { jobs } = parse(read(".github/workflows/nightly.yml"));
    expect(JSON.stringify(jobs)).toContain(" test:nightly");
    // What the test of a bundle in a Debian 11 needs.
    expect(JSON.stringify(jobs)).toMatch(/ debootstrap\b.*sudo .* test:nightly/);
    expect(read("docs/ci.md")).toContain("pnpm test:nightly ");
  });
});

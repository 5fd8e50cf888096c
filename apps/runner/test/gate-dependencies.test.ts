import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hasSameDependencies, type PlaceInRepository } from "../dist/gate/dependencies.js";
import { UsageError } from "../dist/terminal/errors.js";
import { temporaryFolder } from "./support/cli.js";

/** True if two folders with this manifest have the same dependencies, none of which are theirs. */
function share(manifest: string | undefined): boolean {
  const place = (): PlaceInRepository => {
    const root = temporaryFolder();
    if (manifest !== undefined) writeFileSync(join(root, "package.json"), manifest);
    return { root, folder: root };
  };
  return hasSameDependencies(place(), place());
}

describe("the dependencies of two revisions of a repository", () => {
  it.each([
    ["none", undefined, true],
    ["a package", '{ "dependencies": { "a": "1" } }', true],
    ["a packed package", '{ "devDependencies": { "a": "file:vendor/a.tgz" } }', true],
    ["a folder", '{ "optionalDependencies": { "a": "file:a" } }', false],
    ["a package of the workspace", '{ "dependencies": { "a": "workspace:*" } }', false],
  ])("are shared if they are equal, unless they are folders: %s", (_, manifest, expected) => {
    expect(share(manifest)).toBe(expected);
  });

  it.each(["", "{", "[]", "null", '"text"', '{ "dependencies": [] }', '{ "devDependencies": 1 }'])(
    "are refused in a line in a manifest that is no manifest: %s",
    (manifest) => {
      expect(() => share(manifest)).toThrow(UsageError);
      expect(() => share(manifest)).toThrow(
        /^expected a JSON object with objects of dependencies in \S+, got /,
      );
    },
  );
});

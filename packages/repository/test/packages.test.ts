import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ROOT } from "./root.js";
import { packedFiles } from "./tarballs.js";

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

const isOurs = (name: string): boolean => /^(?:@softmax-bench\/|softmax-bench$)/.test(name);

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** The packages that users install: the command line, alone or with all runtimes, the conformance suite, and all that they need. */
const PACKED = packedFiles().map((file) => {
  const tarball = new Uint8Array(readFileSync(file));
  const contents = createPackageFromTarballData(tarball);
  const root = `/node_modules/${contents.packageName}/`;
  const files = contents.listFiles().map((path) => path.replace(root, ""));
  const manifest: Manifest = JSON.parse(contents.readFile(`${root}package.json`));
  return { name: manifest.name, manifest, tarball, contents, files };
});

/** Packages that are documented on their own. */
const DOCUMENTED = ["graph", "onnx", "core", "conformance", "runner", "wasm-simd"]
  .map((name) => `@softmax-bench/${name}`)
  .concat("softmax-bench");

describe("all packages", () => {
  it("have tests of their own, except those that only depend on others", () => {
    const without = ["packages", "apps"]
      .flatMap((group) => readdirSync(join(ROOT, group)).map((name) => join(group, name)))
      .filter((folder) => existsSync(join(ROOT, folder, "package.json")))
      .filter((folder) => !("test" in (JSON.parse(read(join(folder, "package.json"))).scripts ?? {})));
    expect(without.sort()).toEqual(["apps/all", "apps/cli"]);
  });

  const [version, ...others] = new Set(PACKED.map(({ manifest }) => manifest.version));

  it("have one version, which examples, the changelog and the citation name", () => {
    expect(others).toEqual([]);
    for (const example of readdirSync(join(ROOT, "examples"))) {
      const { dependencies, devDependencies } = JSON.parse(read(join("examples", example, "package.json")));
      const ours = Object.entries({ ...dependencies, ...devDependencies }).filter(([name]) => isOurs(name));
      expect(new Set(ours.map(([, wanted]) => wanted))).toEqual(new Set([version]));
    }
    expect(read("CHANGELOG.md")).toMatch(new RegExp(`^## ${version?.replaceAll(".", "\\.")}( |$)`, "m"));
    const citation = parse(read("CITATION.cff"));
    expect(citation).toMatchObject({
      "cff-version": "1.2.0",
      type: "software",
      license: "Apache-2.0",
      version,
    });
    // All that version 1.2.0 of the format requires.
    expect(Object.keys(citation)).toEqual(expect.arrayContaining(["message", "title", "authors"]));
  });

  it("are published, but for those that are of use in the repository only", () => {
    const all = ["packages", "apps", "tools"].flatMap((group) =>
      readdirSync(join(ROOT, group)).map((name) => join(group, name, "package.json")),
    );
    const manifests = all
      .filter((file) => existsSync(join(ROOT, file)))
      .map((file) => JSON.parse(read(file)));
    const published = manifests.filter(({ private: isPrivate }) => !isPrivate).map(({ name }) => name);
    expect(published.sort()).toEqual(PACKED.map(({ name }) => name).sort());
  });
});

describe.each(PACKED)(
  "the package $name as it is published",
  ({ name, manifest, tarball, contents, files }) => {
    it("has what users need, and nothing else", () => {
      expect(files).toEqual(expect.arrayContaining(["LICENSE", "package.json"]));
      if (DOCUMENTED.includes(name)) expect(files).toContain("README.md");
      expect(
        files.filter(
          (file) =>
            !/^(dist\/.*\.(m?js|d\.ts|wasm|html|css)(\.map)?|(src|assembly)\/.*\.ts|bin\/.*\.js|python\/.*\.py|results\.schema\.json|README\.md|LICENSE|package\.json)$/.test(
              file,
            ),
        ),
      ).toEqual([]);
    });

    it("needs versions that a registry knows, and packages that are packed as well", () => {
      const { dependencies, optionalDependencies, peerDependencies } = manifest;
      const needed = Object.entries({ ...dependencies, ...optionalDependencies, ...peerDependencies });
      expect(needed.filter(([, version]) => !/^[\^~>=]*\d+(\.\d+)*$/.test(version))).toEqual([]);
      const own = needed.filter(([dependency]) => isOurs(dependency));
      const packed = new Map(PACKED.map((other) => [other.name, other.manifest.version]));
      expect(own.filter(([dependency, version]) => packed.get(dependency) !== version)).toEqual([]);
    });

    it("passes publint", async () => {
      const packed = await publint({ pack: { tarball: tarball.buffer as ArrayBuffer }, strict: true });
      expect(packed.messages.map((message) => formatMessage(message, packed.pkg))).toEqual([]);
    });

    it("has types that resolve, for ES modules", async () => {
      const analysis = await checkPackage(contents);
      const hasNoModule = Object.keys(manifest.exports).every((path) => /\.(?:html|json)$/.test(path));
      expect(analysis.types !== false).toBe(!hasNoModule);
      // It is for ES modules alone: require() and resolution without "exports" are not what it offers.
      const resolved = ["node16-esm", "bundler"];
      const problems = "problems" in analysis ? analysis.problems : [];
      expect(
        problems.filter((of) => !("resolutionKind" in of) || resolved.includes(of.resolutionKind)),
      ).toEqual([]);
    });
  },
);

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");

/** The kinds that the scripts build: the first argument of each function that adds one. */
const kinds = ["kinds", "keras_models", "paddle_models"].flatMap((script) =>
  Array.from(
    read(`model-suite/${script}.py`).matchAll(
      /^(?:add|encoder|decoder|seq2seq|torchvision|small_image|timm|segmentation|recurrent)\(\s*"([^"]+)"/gm,
    ),
    ([, name]) => name as string,
  ),
);
const document = read("../../../docs/onnx-models.md");

it("the table has a row for every kind that the scripts build, and no others", () => {
  const rows = Array.from(
    document.matchAll(/^\| ([\w.-]*\w[\w.-]*) +\| (?!exporter|-)/gm),
    ([, name]) => name as string,
  );
  expect([...new Set(rows)].sort()).toEqual([...kinds].sort());
});

it("no model in the table is wrong", () => {
  const wrong = document.matchAll(/^\| ([\w.-]+) +\| [\w.]+ +\| wrong /gm);
  expect(Array.from(wrong, ([, name]) => name)).toEqual([]);
});

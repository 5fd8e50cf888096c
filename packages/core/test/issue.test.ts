import { describeIssue } from "@softmax-bench/core/results";
import { describe, expect, it } from "vitest";
import { z } from "zod";

const item = z.object({ id: z.string().min(1), at: z.iso.datetime().optional() });
const schema = z
  .strictObject({
    name: z.string(),
    count: z.int().min(0).max(9),
    share: z.number().positive(),
    kind: z.enum(["one", "two", "three"]),
    only: z.literal(1),
    items: z.array(item).min(1),
    value: z.union([z.number(), z.enum(["NaN", "Infinity"])]),
    key: z.string().regex(/^k\d$/),
    flag: z.boolean(),
    map: z.record(z.string(), z.number()),
  })
  .partial()
  .refine(
    ({ count, share }) => count === undefined || share === undefined,
    "count and share exclude each other",
  );

describe("what is wrong with a value", () => {
  it.each([
    [{ name: 3 }, "name: expected text, got 3"],
    [{ count: 1.5 }, "count: expected a whole number, got 1.5"],
    [{ count: -1 }, "count: expected at least 0, got -1"],
    [{ count: 10 }, "count: expected at most 9, got 10"],
    [{ share: 0 }, "share: expected more than 0, got 0"],
    [{ share: "x" }, 'share: expected a number, got "x"'],
    [{ kind: "four" }, 'kind: expected "one", "two" or "three", got "four"'],
    [{ only: 2 }, "only: expected 1, got 2"],
    [{ items: {} }, "items: expected a list, got {}"],
    [{ items: [] }, "items: expected at least 1 entry, got []"],
    [{ items: [{ id: "" }] }, 'items[0].id: expected at least 1 character, got ""'],
    [{ items: [{}] }, "items[0].id: expected text, got nothing"],
    [
      { items: [{ id: "x", at: "yesterday" }] },
      'items[0].at: expected a date and time such as 2026-01-31T12:00:00Z, got "yesterday"',
    ],
    [{ value: "nan" }, 'value: expected a number or "NaN" or "Infinity", got "nan"'],
    [{ key: "x" }, 'key: expected text like /^k\\d$/, got "x"'],
    [{ flag: 1 }, "flag: expected true or false, got 1"],
    [{ map: [] }, "map: expected an object, got []"],
    [{ nmae: "x" }, 'there is no field "nmae"'],
    ["text", 'expected an object, got "text"'],
    [{ count: 1, share: 1 }, 'count and share exclude each other, got {"count":1,"share":1}'],
  ])("%j", (value, message) => {
    const { error } = schema.safeParse(value);
    expect(error && describeIssue(error, value)).toBe(message);
  });
});

describe("a value that may hold anything", () => {
  const messageFor = (value: unknown): string => {
    const { error } = schema.safeParse(value);
    return error ? describeIssue(error, value) : "no error";
  };

  it("is shown to a few levels, however deep it is nested", () => {
    const name: unknown = JSON.parse(`${"[".repeat(20_000)}${"]".repeat(20_000)}`);
    expect(messageFor({ name })).toBe('name: expected text, got [[["…"]]]');
    expect(messageFor({ name: JSON.parse(`${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`) })).toBe(
      'name: expected text, got {"a":{"a":{"a":"…"}}}',
    );
  });

  it("is shown without the characters that command a terminal, or hide and turn text", () => {
    expect(messageFor({ name: ["\u009b31m\u2028\u202e\u2066\u200b"] })).toBe(
      'name: expected text, got ["?31m????"]',
    );
    expect(messageFor({ map: { "\u001b[2J\r\n": "x" } })).toBe('map.?[2J??: expected a number, got "x"');
  });

  it("is named and shown by its beginning", () => {
    expect(messageFor({ map: { ["é".repeat(5000)]: "x".repeat(5000) } }).length).toBeLessThan(200);
    expect(
      messageFor(Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`n${index}`, 1]))).length,
    ).toBeLessThan(600);
  });

  it("need not be of JSON, as a configuration's may not", () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect(messageFor({ name: loop })).toBe('name: expected text, got [[["…"]]]');
    expect(messageFor({ name: [2n ** 64n] })).toBe('name: expected text, got ["18446744073709551616"]');
  });
});

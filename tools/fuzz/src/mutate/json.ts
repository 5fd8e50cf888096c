import type { Random } from "../random.js";
import { mutateBytes } from "./bytes.js";
import { HOSTILE_TEXTS } from "./texts.js";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Container = Json[] | { [key: string]: Json };

/** Texts that `JSON.stringify` does not write: they take the place of placeholders. */
const RAW = [
  "1e999",
  "-1e999",
  "-0",
  "9007199254740993",
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"id":"first","id":"second"}',
  '"\\ud800"',
  `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
  `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`,
  `[${"0,".repeat(50_000)}0]`,
  "undefined",
  "NaN",
];
const placeholder = (index: number): string => `@raw ${index}@`;

const VALUES: readonly Json[] = [
  ...[null, true, false, 0, -1, 1, 2, 0.5, 1e-320, 1e21, 1e308, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 - 1],
  ...[[], {}, [[]], [null], { length: 1e9 }, { "": "" }],
  ...RAW.map((_, index) => placeholder(index)),
  ...HOSTILE_TEXTS,
];

const isContainer = (value: Json): value is Container => typeof value === "object" && value !== null;

/** A random container in a value, the deeper ones too. */
function containerIn(value: Container, random: Random): Container {
  const inner = Object.values(value).filter(isContainer);
  return inner.length > 0 && random.chance(0.8) ? containerIn(random.pick(inner), random) : value;
}

function setMember(container: Container, key: string | number, value: Json): void {
  Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true });
}

function edit(root: Container, random: Random): void {
  const container = containerIn(root, random);
  const keys = Object.keys(container);
  const key = keys.length > 0 ? random.pick(keys) : "added";
  const value = (): Json =>
    random.chance(0.7) ? random.pick(VALUES) : structuredClone(containerIn(root, random));
  const current = Reflect.get(container, key) as Json | undefined;
  if (random.chance(0.5)) setMember(container, key, value());
  else if (Array.isArray(container)) editList(container, Number(key) || 0, value(), random);
  else if (random.chance(0.4)) delete container[key];
  else setMember(container, random.pick(HOSTILE_TEXTS), random.chance(0.5) ? (current ?? null) : value());
}

function editList(list: Json[], at: number, value: Json, random: Random): void {
  const element = list[at] ?? null;
  const edits = [
    () => list.splice(at, 1),
    () => list.splice(at, 0, structuredClone(element)),
    () => list.splice(at, 0, value),
    () => list.reverse(),
    () => list.push(...Array.from({ length: random.below(500) }, () => element)),
  ];
  random.pick(edits)();
}

/** The text of a JSON value with a few members changed, doubled, renamed or taken away. */
export function mutateJson(json: string, random: Random): string {
  let mutated: string;
  try {
    const root: Json = JSON.parse(json);
    if (!isContainer(root)) throw new TypeError("there are no members to change");
    for (let left = 1 + random.below(3); left > 0; left--) edit(root, random);
    mutated = JSON.stringify(root);
  } catch {
    // An input that was kept may be no JSON, or be nested deeper than `JSON.stringify` can go.
    return mutateBytes(Buffer.from(json), random).toString("utf8");
  }
  return mutated.replaceAll(/"@raw (\d+)@"/g, (_, index) => RAW[Number(index)] as string);
}

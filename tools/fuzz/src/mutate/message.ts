import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  type Message,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import type { Random } from "../random.js";
import { HOSTILE_TEXTS } from "./texts.js";

/** Hostile texts that UTF-8 can represent, as Protobuf requires: halves of characters are left out. */
const TEXTS = HOSTILE_TEXTS.filter((text) => !/\p{Cs}/u.test(text));

const MAX_INT64 = 2n ** 63n - 1n;
const INT64S: readonly bigint[] = [
  ...[
    0n,
    1n,
    -1n,
    2n,
    3n,
    4n,
    7n,
    64n,
    65n,
    1000n,
    65_536n,
    2n ** 20n,
    2n ** 26n,
    2n ** 31n,
    2n ** 32n,
    2n ** 40n,
  ],
  ...[2n ** 53n - 1n, 2n ** 53n, 2n ** 62n, MAX_INT64, -(2n ** 63n), -(2n ** 31n), -2n, -3n],
];
const INT32S: readonly number[] = [0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 16, 22, 99, -1, 2 ** 31 - 1, -(2 ** 31)];
const FLOATS: readonly number[] = [
  ...[0, -0, 1, -1, 0.5, 1e-45, 3.4e38, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
];
const LENGTHS: readonly number[] = [2, 10, 100, 1000];

type Fields = Record<string, unknown>;

/** A message somewhere in another one. */
interface Part {
  readonly desc: DescMessage;
  readonly message: Message;
}

/** The value of a field: in the message, or in the one case of a group of alternatives. */
function readField({ oneof, localName }: DescField, message: Message): unknown {
  if (!oneof) return (message as unknown as Fields)[localName];
  const group = (message as unknown as Fields)[oneof.localName] as { case?: string; value?: unknown };
  return group.case === localName ? group.value : undefined;
}

function setValue({ oneof, localName }: DescField, message: Message, value: unknown): void {
  if (!oneof) (message as unknown as Fields)[localName] = value;
  else {
    const alternative = value === undefined ? { case: undefined } : { case: localName, value };
    (message as unknown as Fields)[oneof.localName] = alternative;
  }
}

const messageTypeOf = (field: DescField): DescMessage | undefined =>
  field.fieldKind === "message" || (field.fieldKind === "list" && field.listKind === "message")
    ? field.message
    : undefined;

const toList = (value: unknown): readonly unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

/** A message and all messages in it. */
function collectMessages(desc: DescMessage, message: Message): Part[] {
  const inner = desc.fields.flatMap((field) => {
    const type = messageTypeOf(field);
    return type
      ? toList(readField(field, message)).flatMap((value) => collectMessages(type, value as Message))
      : [];
  });
  return [{ desc, message }, ...inner];
}

const keyOf = (field: DescField): string => `${field.parent.typeName}.${field.localName}`;

/** Parts of seeds that mutation uses elsewhere: messages by type, names by field. */
export class Dictionary {
  readonly #messages = new Map<string, Message[]>();
  readonly #texts = new Map<string, Set<string>>();

  add(desc: DescMessage, message: Message): void {
    for (const part of collectMessages(desc, message)) {
      this.messages(part.desc).push(part.message);
      for (const field of part.desc.fields) {
        for (const value of toList(readField(field, part.message))) {
          if (typeof value === "string") this.#textsOf(field).add(value);
        }
      }
    }
  }

  messages({ typeName }: DescMessage): Message[] {
    const known = this.#messages.get(typeName) ?? [];
    this.#messages.set(typeName, known);
    return known;
  }

  texts(field: DescField): readonly string[] {
    return [...this.#textsOf(field)];
  }

  #textsOf(field: DescField): Set<string> {
    const known = this.#texts.get(keyOf(field)) ?? new Set();
    this.#texts.set(keyOf(field), known);
    return known;
  }
}

/** The material of field values. */
class Mutator {
  readonly #root: readonly Part[];
  readonly #names: readonly string[];
  readonly #dictionary: Dictionary;
  readonly #random: Random;

  constructor(desc: DescMessage, message: Message, dictionary: Dictionary, random: Random) {
    this.#root = collectMessages(desc, message);
    this.#dictionary = dictionary;
    this.#random = random;
    this.#names = this.#root.flatMap((part) =>
      part.desc.fields
        .flatMap((field) => toList(readField(field, part.message)))
        .filter((value) => typeof value === "string"),
    );
  }

  edit(): void {
    const { desc, message } = this.#random.pick(this.#root);
    // Most fields of most messages are empty, and few programs look at them.
    const filled = desc.fields.filter((field) => toList(readField(field, message)).length > 0);
    const isFilled = filled.length > 0 && this.#random.chance(0.8);
    const field = this.#random.pick(isFilled ? filled : desc.fields);
    const value = readField(field, message);
    if (field.fieldKind === "map") return;
    setValue(
      field,
      message,
      field.fieldKind === "list" ? this.#list(field, value as unknown[]) : this.#one(field, value),
    );
  }

  #list(field: DescField, list: readonly unknown[]): unknown[] {
    const random = this.#random;
    const copy = [...list];
    const at = random.below(copy.length || 1);
    const edits = [
      () => copy.splice(at, 1),
      () => copy.splice(at, 0, copy[random.below(copy.length)] ?? this.#one(field, undefined)),
      () => copy.splice(at, 1, this.#one(field, copy[at])),
      () => copy.splice(at, 1, this.#one(field, copy[at])),
      () => copy.splice(at, 0, this.#one(field, undefined)),
      () => copy.reverse(),
      () => copy.push(...copy.splice(at, 1)),
      () =>
        copy.push(
          ...Array.from({ length: random.pick(LENGTHS) }, () => copy[at] ?? this.#one(field, undefined)),
        ),
    ];
    random.pick(edits)();
    return copy;
  }

  #one(field: DescField, value: unknown): unknown {
    const random = this.#random;
    const type = messageTypeOf(field);
    if (type) {
      if (field.fieldKind === "message" && random.chance(0.2)) return undefined;
      const own = this.#root.filter(({ desc }) => desc === type).map(({ message }) => message);
      const known = random.chance(0.5) ? own : this.#dictionary.messages(type);
      // Through bytes: `clone` refuses values of enums that the schema does not name, which mutations make.
      return known.length > 0 ? fromBinary(type, toBinary(type, random.pick(known))) : create(type);
    }
    if (field.enum) return random.below(30);
    return this.#scalar(field, value);
  }

  #scalar(field: DescField, value: unknown): unknown {
    const random = this.#random;
    switch (field.scalar) {
      case ScalarType.INT64: {
        const near = ((value as bigint) ?? 0n) + BigInt(random.below(5) - 2);
        return random.chance(0.5) ? random.pick(INT64S) : BigInt.asIntN(64, near);
      }
      case ScalarType.UINT64:
        return BigInt.asUintN(64, random.pick(INT64S));
      case ScalarType.INT32:
        return random.pick(INT32S);
      case ScalarType.FLOAT:
      case ScalarType.DOUBLE:
        return random.pick(FLOATS);
      case ScalarType.STRING:
        return this.#text(field);
      case ScalarType.BYTES:
        return this.#bytes((value as Uint8Array) ?? new Uint8Array(0));
      default:
        throw new Error(`no values are known for fields of scalar type ${field.scalar}`);
    }
  }

  #text(field: DescField): string {
    const random = this.#random;
    const known = this.#dictionary.texts(field);
    if (random.chance(0.15)) return random.pick(TEXTS);
    return random.pick(random.chance(0.5) && known.length > 0 ? known : this.#names);
  }

  #bytes(value: Uint8Array): Uint8Array {
    const random = this.#random;
    const copy = Buffer.from(value);
    const at = random.below(copy.length || 1);
    return random.pick<() => Uint8Array>([
      () => copy.subarray(0, at),
      () => Buffer.concat([copy, copy]),
      () => Buffer.alloc(random.pick([0, 1, 4, 8, 16, 1000]), random.below(256)),
      () => copy.fill(random.pick([0, 0x7f, 0x80, 0xff]), at, Math.min(copy.length, at + 8)),
    ])();
  }
}

/** Changes a few fields of a message: values, names, order, presence, and material from elsewhere. */
export function mutateMessage(
  desc: DescMessage,
  message: Message,
  dictionary: Dictionary,
  random: Random,
): void {
  for (let left = random.pick([1, 1, 2, 3, 4]); left > 0; left--)
    new Mutator(desc, message, dictionary, random).edit();
}

import type { Random } from "../random.js";
import { HOSTILE_TEXTS } from "./texts.js";

const GOOD_DESCRS = ["'<f4'", "'>f8'", "'|b1'", "'<f2'", "'>i8'", "'|u1'"];
const DESCRS = [
  ...[
    "'<f4'",
    "'>f8'",
    "'|b1'",
    "'<f2'",
    "'>i8'",
    "'|u1'",
    "'=f4'",
    "'f4'",
    "'<f16'",
    "'<c8'",
    "'|O'",
    "'<U8'",
  ],
  ...[
    "'|V4'",
    "'<M8[ns]'",
    "''",
    "'<'",
    "'<f'",
    "'<f-4'",
    "'<f4294967296'",
    "5",
    "True",
    "[('a', '<f4')]",
    "('<f4',)",
  ],
  ...["'__proto__'", "'<__proto__'", "'|toString'"],
];
const SIZES = [
  ...[
    "0",
    "1",
    "2",
    "3",
    "-1",
    "65536",
    "4294967296",
    "9007199254740991",
    "9007199254740993",
    "1e3",
    "0x10",
    "1_0",
  ],
  ...["18446744073709551616", "99999999999999999999999", "True", "'3'", "()", "None", "1.5", "007"],
];
const ORDERS = ["True", "False", "true", "1", "None", "'True'", "()"];
const RAW = [
  "(".repeat(2000),
  `${"(".repeat(9)}${")".repeat(9)}`,
  "[".repeat(9) + "]".repeat(9),
  `${" ".repeat(30_000)}x`,
  `'${"a".repeat(60_000)}`,
  "__import__('os').system('touch /tmp/escaped')",
  "{}",
];

function shapeText(random: Random): string {
  const count = random.pick([0, 1, 2, 2, 3, 5, 64, 65, 5000]);
  const isSmall = count > 5 || random.chance(0.5);
  const sizes = Array.from({ length: count }, () =>
    isSmall ? random.pick(["0", "1", "2"]) : random.pick(SIZES),
  );
  return `(${sizes.join(", ")}${count === 1 || random.chance(0.3) ? "," : ""})`;
}

const EDITS: readonly ((header: string, random: Random) => string)[] = [
  (header, random) =>
    header.replace(
      /'descr': [^,]*/,
      () => `'descr': ${random.pick(random.chance(0.5) ? GOOD_DESCRS : DESCRS)}`,
    ),
  (header, random) => header.replace(/\([^)]*\)/, () => shapeText(random)),
  (header, random) => header.replace(/True|False/, () => random.pick(ORDERS)),
  (header, random) =>
    header.replace(/'(?:descr|shape|fortran_order)'/, () => JSON.stringify(random.pick(HOSTILE_TEXTS))),
  (header, random) =>
    header.replace(
      "}",
      () => `'${random.pick(["shape", "extra", ...HOSTILE_TEXTS])}': ${random.pick(SIZES)}}`,
    ),
  (header, random) => header.replace(/: [^,]*/, () => `: ${random.pick(RAW)}`),
  (header, random) => {
    const at = random.below(header.length + 1);
    return (
      header.slice(0, at) +
      random.pick(["'", '"', "{", "}", "\\", "\n", "#", "\u00ff", " "]) +
      header.slice(at)
    );
  },
];

interface Parts {
  readonly version: number;
  readonly header: string;
  readonly data: Buffer;
}

function splitFile(bytes: Buffer): Parts {
  const version = bytes[6] ?? 1;
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  const [header, data] = [bytes.subarray(start, start + length), bytes.subarray(start + length)];
  return { version, header: header.toString("latin1"), data };
}

/** The number of bytes that the header describes, unless it is too large; sometimes one more or fewer. */
function sizeIn(header: string, random: Random): number {
  const [, itemSize = "4"] = /'[<>|][fiub](\d+)'/.exec(header) ?? [];
  const shape = header.slice(header.indexOf("("), header.lastIndexOf(")"));
  const size = (shape.match(/\d+/g) ?? []).reduce((product, dim) => product * Number(dim), Number(itemSize));
  return Math.max(0, (size < 1e5 ? size : 96) + random.pick([0, 0, 0, 0, -1, 1]));
}

/** A `.npy` file with another header, version or amount of data. */
export function mutateNpy(bytes: Uint8Array, random: Random): Buffer {
  const parts = splitFile(Buffer.from(bytes));
  let { header } = parts;
  for (let left = random.pick([1, 1, 1, 2, 3]); left > 0; left--) header = random.pick(EDITS)(header, random);
  const version = random.chance(0.8) ? parts.version : random.pick([0, 1, 2, 3, 4, 255]);
  const text = Buffer.from(header, version === 3 ? "utf8" : "latin1");
  const claimed = random.chance(0.9)
    ? text.length
    : random.pick([0, 1, text.length + 1, 65_535, 2 ** 32 - 1]);
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(claimed & 0xffff);
  else length.writeUInt32LE(claimed);
  const data = random.chance(0.4) ? parts.data : Buffer.alloc(sizeIn(header, random), random.below(256));
  return Buffer.concat([Buffer.from("\x93NUMPY", "latin1"), Uint8Array.of(version, 0), length, text, data]);
}

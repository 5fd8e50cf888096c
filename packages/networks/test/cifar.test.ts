import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DataError,
  type LoadOptions,
  loadImages,
  type Published,
  syntheticImages,
} from "@softmax-bench/networks";
import { create } from "tar";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

const RECORD = 3073;
const root = mkdtempSync(join(tmpdir(), "cifar-test-"));
afterAll(() => rmSync(root, { recursive: true }));

/** A batch of noise with labels 0, 1, …, 9, 0, …; its first pixels are 0, 255, 255. */
function batchOf(images: number): Buffer {
  const bytes = randomBytes(images * RECORD);
  for (let image = 0; image < images; image++) bytes[image * RECORD] = image % 10;
  bytes.set([0, 255, 255], 1);
  return bytes;
}

let archive: Buffer;
let published: Published;
let server: Server;
/** The behaviour of the server, and the ranges that it was asked for. */
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const ranges: (string | undefined)[] = [];

beforeAll(async () => {
  const folder = join(root, "cifar-10-batches-bin");
  mkdirSync(folder);
  writeFileSync(join(folder, "data_batch_1.bin"), batchOf(10_000));
  writeFileSync(join(folder, "readme.html"), "not needed");
  const file = join(root, "archive.tar.gz");
  await create({ gzip: { level: 1 }, file, cwd: root }, ["cifar-10-batches-bin"]);
  archive = readFileSync(file);
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const md5 = createHash("md5").update(archive).digest("hex");
  published = { url: `http://127.0.0.1:${port}/cifar-10-binary.tar.gz`, md5 };
});
afterAll(() => server.close());

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(root, "cache-"));
  vi.stubEnv("SOFTMAX_BENCH_CACHE", cache);
  ranges.length = 0;
});
afterEach(() => vi.unstubAllEnvs());

const lines: string[] = [];
const load = (count: number, options: Partial<LoadOptions> = {}) =>
  loadImages(count, {
    archive: published,
    signal: new AbortController().signal,
    say: (line) => lines.push(line),
    ...options,
  });

/** Sends what was asked for, as web servers do. */
function whole({ headers: { range } }: IncomingMessage, response: ServerResponse): void {
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
  if (from >= archive.length) return void response.writeHead(416).end();
  response
    .writeHead(range ? 206 : 200, { "content-length": archive.length - from })
    .end(archive.subarray(from));
}
/** Breaks off half way. */
function half(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { "content-length": archive.length });
  response.write(archive.subarray(0, archive.length / 2), () => setTimeout(() => response.destroy(), 200));
}

describe("a download", () => {
  it("brings the images into the cache, once, and says how far it is", async () => {
    answer = whole;
    lines.length = 0;
    const { source, pixels, labels, note } = await load(12);
    expect([source, note]).toEqual(["CIFAR-10", undefined]);
    expect([...labels]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
    expect(pixels).toHaveLength(12 * 3072);
    expect([...pixels.subarray(0, 3)]).toEqual([-1, 1, 1]);
    expect(lines.at(-1)).toMatch(/^CIFAR-10: 3\d of 3\d MB$/);

    answer = (_, response) => response.writeHead(500).end();
    expect((await load(12)).labels).toEqual(labels);
    expect(ranges).toEqual([undefined]);
    expect(readdirSync(cache)).toEqual([expect.stringMatching(/^cifar-10-binary-[0-9a-f]{8}$/)]);
  });

  it("that is cut off goes on from there the next time", async () => {
    answer = half;
    await expect(load(3)).rejects.toThrow(DataError);
    const [left = "nothing", ...others] = readdirSync(cache).filter((name) => name.endsWith(".tar.gz"));
    expect(others).toEqual([]);
    const kept = readFileSync(join(cache, left)).length;
    expect(kept).toBeGreaterThan(0);

    answer = whole;
    expect((await load(3)).source).toBe("CIFAR-10");
    expect(ranges).toEqual([undefined, `bytes=${kept}-`]);
  });

  it("that is cut off begins anew where the server knows no ranges", async () => {
    answer = half;
    await expect(load(3)).rejects.toThrow(/was cut off after \d+.* start again to go on from there/);
    answer = (_, response) => response.writeHead(200, { "content-length": archive.length }).end(archive);
    expect((await load(3)).source).toBe("CIFAR-10");
  });

  it("of something else is deleted and refused, naming both digests", async () => {
    answer = (_, response) => response.end("something else");
    await expect(load(3)).rejects.toThrow(
      `has the MD5 digest ${createHash("md5").update("something else").digest("hex")}, expected ${published.md5}`,
    );
    expect(readdirSync(cache)).toEqual([]);
  });

  it("that the server refuses is no reason for synthetic images", async () => {
    answer = (_, response) => response.writeHead(404).end();
    await expect(load(3)).rejects.toThrow(/answers 404$/);
  });

  it("that is stopped stops", async () => {
    answer = half;
    const stop = new AbortController();
    const options = { archive: published, signal: stop.signal, say: () => stop.abort() };
    await expect(loadImages(3, options)).rejects.toThrow(/abort/i);
  });

  it("is replaced by synthetic images where nobody answers, which is said", async () => {
    const nowhere = { ...published, url: `http://127.0.0.1:${await closedPort()}/cifar-10-binary.tar.gz` };
    const { source, note, labels } = await load(50, { archive: nowhere });
    expect(source).toBe("synthetic");
    expect(note).toMatch(
      /^images are synthetic: http:\/\/127.0.0.1:\d+\/\S+ cannot be reached \(.+\); CIFAR10_DIR names/,
    );
    expect(new Set(labels).size).toBeGreaterThan(5);
  });

  it("is replaced by synthetic images where the user does not agree to the download, which is said", async () => {
    const { source, note } = await load(3, { confirm: async () => false });
    expect(source).toBe("synthetic");
    expect(note).toMatch(
      /^images are synthetic: the images of CIFAR-10 \(170 MB, about 1 min\) must be fetched/,
    );
  });
});

/** Nobody listens there. */
async function closedPort(): Promise<number> {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  return port;
}

describe("a server that answers, but not with the archive", () => {
  const answers: Readonly<
    Record<string, [(request: IncomingMessage, response: ServerResponse) => void, RegExp]>
  > = {
    "redirects for ever": [
      (_, response) => response.writeHead(302, { location: "/again" }).end(),
      /cannot be downloaded: redirect count exceeded/,
    ],
    "redirects to another protocol": [
      (_, response) => response.writeHead(302, { location: "ftp://127.0.0.1/" }).end(),
      /cannot be downloaded: /,
    ],
    "does not speak HTTP": [(_, response) => response.socket?.end("220 ready\r\n"), /cannot be downloaded: /],
    "hangs up": [(_, response) => response.destroy(), /cannot be downloaded: /],
    "has nothing left to send of nothing": [(_, response) => response.writeHead(416).end(), /answers 416$/],
    "never says a word": [() => {}, /sent nothing for 0\.3 s/],
    "falls silent": [
      (_, response) => void response.writeHead(200, { "content-length": 1000 }).write("x"),
      /sent nothing for 0\.3 s; start again to go on from there/,
    ],
  };
  it.each(Object.entries(answers))("and %s is an error, not synthetic", async (_, [behaviour, message]) => {
    answer = behaviour;
    const loading = load(3, { silenceMs: String(message).includes("sent nothing") ? 300 : 60_000 });
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toThrow(DataError);
    server.closeAllConnections();
  });
});

describe("a folder", () => {
  const folderWith = (files: Readonly<Record<string, Uint8Array>>) => {
    const folder = mkdtempSync(join(root, "folder-"));
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
    return folder;
  };

  it("gives its first images, across files", async () => {
    const directory = folderWith({
      "data_batch_1.first3.bin": batchOf(3),
      "data_batch_2.first4.bin": batchOf(4),
      "batches.meta.txt": Buffer.from("airplane"),
    });
    const { source, labels, pixels } = await load(5, { directory });
    expect([source, ...labels]).toEqual(["CIFAR-10", 0, 1, 2, 0, 1]);
    expect([...pixels.subarray(3 * 3072, 3 * 3072 + 3)]).toEqual([-1, 1, 1]);
  });

  it.each<[string, Record<string, Uint8Array>, string | RegExp]>([
    [
      "truncated",
      { "data_batch_1.bin": batchOf(100) },
      /data_batch_1.bin has 307300 bytes, expected 30730000: 10000 images of 3073 bytes/,
    ],
    [
      "cut inside a record",
      { "data_batch_1.first2.bin": batchOf(2).subarray(0, -1) },
      /has 6145 bytes, expected 6146/,
    ],
    [
      "of something else",
      { "data_batch_1.first2.bin": Buffer.alloc(2 * RECORD, 200) },
      /image 0 has label 200; labels of CIFAR-10 are 0 to 9/,
    ],
    [
      "of the Python version",
      { data_batch_1: Buffer.from("pickle") },
      /has no data_batch_1.bin; expected the binary version/,
    ],
    ["too small", { "data_batch_1.first2.bin": batchOf(2) }, /has 2 images, 3 are needed/],
  ])("that is %s is refused, and never replaced", async (_, files, message) => {
    const directory = folderWith(files);
    await expect(load(3, { directory })).rejects.toThrow(DataError);
    await expect(load(3, { directory })).rejects.toThrow(message);
    expect(ranges).toEqual([]);
  });

  it("gives the images of a batch once, from the file that has most of them", async () => {
    const [few, more] = [batchOf(2), batchOf(5)];
    const directory = folderWith({ "data_batch_1.first2.bin": few, "data_batch_1.first5.bin": more });
    expect([...(await load(4, { directory })).labels]).toEqual([0, 1, 2, 3]);
    await expect(load(6, { directory })).rejects.toThrow(/has 5 images, 6 are needed/);
  });

  it.each(["data_batch_1.first1.bin", "data_batch_1.bin"])(
    "with a pipe for %s is refused at once",
    async (name) => {
      const directory = folderWith({});
      execFileSync("mkfifo", [join(directory, name)]);
      await expect(load(1, { directory })).rejects.toThrow(
        / is not a file; expected \d+ images of 3073 bytes/,
      );
    },
  );

  it("with a link to itself is refused", async () => {
    const directory = folderWith({});
    symlinkSync("data_batch_1.bin", join(directory, "data_batch_1.bin"));
    await expect(load(1, { directory })).rejects.toThrow(/data_batch_1.bin cannot be read: ELOOP/);
  });

  it("does not take no images for some", async () => {
    const directory = folderWith({ "data_batch_1.first0.bin": new Uint8Array() });
    await expect(load(1, { directory })).rejects.toThrow(/has no data_batch_1.bin/);
  });

  it("that does not exist is refused", async () => {
    const directory = join(root, "nowhere");
    await expect(load(3, { directory })).rejects.toThrow(/nowhere cannot be read: ENOENT/);
    expect(existsSync(directory)).toBe(false);
  });
});

describe("synthetic images", () => {
  it("are the same every time, in range, and the first of more", () => {
    const [few, more] = [syntheticImages(4), syntheticImages(8)];
    expect(few.pixels).toEqual(more.pixels.subarray(0, few.pixels.length));
    expect(few.labels).toEqual(more.labels.subarray(0, 4));
    expect(Math.max(...few.pixels)).toBeLessThanOrEqual(1);
    expect(Math.min(...few.pixels)).toBeGreaterThanOrEqual(-1);
  });
});

/**
 * Writes the compiled kernels, `dist/code/*.wasm`, as modules that any host and any bundler can load, `dist/modules/code/*.js`.
 * Compressed before it becomes base64, code is as large over the network as a compressed .wasm file.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import zopfli from "@gfx/zopfli";

const DIST = new URL("../dist/", import.meta.url);

/** The name of the imported memory; that it is a memory; that it is shared and has a maximum (WebAssembly 3.0, "Imports" and "Limits"). */
const SHARED_MEMORY = Buffer.from("\u0006memory\u0002\u0003", "latin1");

mkdirSync(new URL("modules/code/", DIST), { recursive: true });
for (const name of ["simd", "relaxed-simd"]) {
  const wasm = readFileSync(new URL(`code/${name}.wasm`, DIST));
  const at = wasm.indexOf(SHARED_MEMORY);
  if (at < 0)
    throw new Error(`${name}.wasm: expected the import of a shared memory with a maximum, found none`);
  // The format of zlib's deflate, searched for the shortest encoding: 5 % shorter.
  const code = Buffer.from(await zopfli.deflateAsync(wasm, { numiterations: 15 })).toString("base64");
  const limits = at + SHARED_MEMORY.length - 1;
  writeFileSync(
    new URL(`modules/code/${name}.js`, DIST),
    `export const code = "${code}";\nexport const limits = ${limits};\n`,
  );
}

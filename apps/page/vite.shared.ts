import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defaultClientConditions, type Plugin, type UserConfig } from "vite";

const require = createRequire(import.meta.url);
const folderOf = (specifier: string): string => dirname(require.resolve(specifier));

/** Programs that runtimes fetch by name while they start. */
const RUNTIME_FILES = [
  [folderOf("@tensorflow/tfjs-backend-wasm"), /^tfjs-backend-wasm.*\.wasm$/],
  [folderOf("onnxruntime-web"), /^ort-wasm-simd-threaded(?:\.asyncify)?\.(?:mjs|wasm)$/],
] as const;

const runtimeFiles = (): Plugin => ({
  name: "runtime-files",
  generateBundle() {
    for (const [folder, pattern] of RUNTIME_FILES) {
      for (const name of readdirSync(folder).filter((file) => pattern.test(file))) {
        this.emitFile({
          type: "asset",
          fileName: `runtime/${name}`,
          source: readFileSync(join(folder, name)),
        });
      }
    }
  },
});

/** The versions of packages that do not say theirs when they run, for `installedVersion` of core. */
function bundledVersions(): Record<string, string> {
  const manifestOf = (folder: string): string => {
    const file = join(folder, "package.json");
    return existsSync(file) ? file : manifestOf(dirname(folder));
  };
  const byUser = {
    "@softmax-bench/adapter-jax-js": "@jax-js/jax",
    "@softmax-bench/adapter-tfjs-gpu": "@tensorflow/tfjs-backend-webgpu",
    "@softmax-bench/adapter-wasm-simd": "@softmax-bench/wasm-simd",
  };
  const versions = Object.entries(byUser).map(([user, name]) => {
    const folder = dirname(createRequire(require.resolve(user)).resolve(name));
    return [name, JSON.parse(readFileSync(manifestOf(folder), "utf8")).version];
  });
  return Object.fromEntries(versions);
}

const stub = fileURLToPath(new URL("./node-stub.ts", import.meta.url));

/** The configuration of every bundle with backends. */
export const bundleWithBackends = {
  base: "./",
  plugins: [runtimeFiles()],
  resolve: {
    // The build with the WebAssembly provider alone, as in Node. Builds fetch their programs from `runtime/`.
    conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions],
    alias: [
      { find: /^onnxruntime-web$/, replacement: "onnxruntime-web/wasm" },
      { find: /^node:(?:fs|path)$/, replacement: stub },
    ],
  },
  worker: { format: "es" },
  define: { __BUNDLED_VERSIONS__: JSON.stringify(bundledVersions()) },
  build: {
    // Threads of tfjs-wasm are started from the text of a function, which must not name what a minifier has renamed.
    minify: false,
    target: "es2024",
    modulePreload: false,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 10_000,
  },
} satisfies UserConfig;

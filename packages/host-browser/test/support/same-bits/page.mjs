// The kernel waits for its threads, which only a worker may. `reportOf` is that of `program-page.ts`.
globalThis.reportOf(new Worker(new URL("./worker.mjs", import.meta.url), { type: "module" }));

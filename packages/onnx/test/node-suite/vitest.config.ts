import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["test/node-suite/complete.ts"], testTimeout: 600_000 } });

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ROOT } from "./root.js";

const { packageManager, scripts } = z
  .object({ packageManager: z.string(), scripts: z.object({ tarballs: z.string() }) })
  .parse(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")));

/** Packs what is built into a folder, as `pnpm tarballs` does after building. @returns the files */
export function packTarballs(folder: string): string[] {
  const [, pack = ""] = scripts.tarballs.split("exec pnpm ");
  execFileSync("npx", ["-y", packageManager, ...pack.split(" "), folder], { cwd: ROOT, stdio: "pipe" });
  return readdirSync(folder).map((name) => join(folder, name));
}

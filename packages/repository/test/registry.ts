import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { runServer } from "verdaccio";
import { ROOT } from "./root.js";

/** A registry of packages on this machine: those that are published to it, and what this machine's npm is configured with. */
export interface Registry extends AsyncDisposable {
  /** The settings of npm, as environment variables, with which it is used. */
  readonly settings: NodeJS.ProcessEnv;
}

/** Starts a registry whose packages are in a folder. Anybody may publish. */
export async function startRegistry(folder: string): Promise<Registry> {
  const upstream = execFileSync("npm", ["config", "get", "registry"], { cwd: ROOT, encoding: "utf8" }).trim();
  const ours = { access: "$all", publish: "$anonymous" };
  const config = {
    storage: join(folder, "storage"),
    configPath: join(folder, "config.yaml"),
    uplinks: { upstream: { url: upstream, timeout: "60s" } },
    packages: {
      "softmax-bench": ours,
      "@softmax-bench/*": ours,
      "**": { access: "$all", proxy: "upstream" },
    },
    // Everything in one request, and nothing on the terminal.
    max_body_size: "100mb",
    log: { type: "file", path: join(folder, "log"), level: "warn" },
    web: { enable: false },
  };
  const server: Server = await runServer(config as unknown as string);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `localhost:${(server.address() as AddressInfo).port}/`;
  const userconfig = join(folder, "npmrc");
  // npm and pnpm publish with a token only. This one is nobody's.
  writeFileSync(userconfig, `registry=http://${address}\n//${address}:_authToken=none\n`);
  return {
    settings: { npm_config_userconfig: userconfig, npm_config_cache: join(folder, "cache") },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await promisify(server.close.bind(server))();
    },
  };
}

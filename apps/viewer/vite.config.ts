import { createHash } from "node:crypto";
import { defineConfig, type Plugin } from "vite";
import { viteSingleFile } from "vite-plugin-singlefile";

/** Makes the page run its own script only, by its hash. */
const contentSecurityPolicy = (): Plugin => ({
  name: "content-security-policy",
  enforce: "post",
  generateBundle: {
    order: "post",
    handler(_, bundle) {
      const page = bundle["index.html"];
      if (page?.type !== "asset") throw new Error("there is no index.html to protect");
      const html = String(page.source);
      const scripts = [...html.matchAll(/<script type="module"[^>]*>([\s\S]*?)<\/script>/g)].map(
        ([, text]) => text,
      );
      const [script, ...others] = scripts;
      if (!script || others.length) throw new Error(`expected one script in the page, got ${scripts.length}`);
      const hash = createHash("sha256").update(script).digest("base64");
      page.source = html.replace("script-src 'sha256-SCRIPT'", `script-src 'sha256-${hash}'`);
    },
  },
});

export default defineConfig({
  plugins: [viteSingleFile({ removeViteModuleLoader: true }), contentSecurityPolicy()],
  build: { target: "es2022", modulePreload: false },
});

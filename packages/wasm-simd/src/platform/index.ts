import { browser } from "./browser.js";
import { type GetModule, node } from "./node.js";
import type { Platform } from "./platform.js";

interface Host {
  readonly process?: { readonly getBuiltinModule?: GetModule };
}

const { process } = globalThis as Host;

/** The present host's. */
export const platform: Platform = process?.getBuiltinModule
  ? node((name) => process.getBuiltinModule?.(name))
  : browser;

import { existsSync, readdirSync } from "node:fs";
import { access, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { messageOf, Unavailable } from "@softmax-bench/core";
import { readOutput } from "@softmax-bench/provision";

export const BROWSER_KINDS = ["chromium", "firefox"] as const;
export type BrowserKind = (typeof BROWSER_KINDS)[number];

/** A browser on this machine. */
export interface Browser {
  readonly kind: BrowserKind;
  /** The name that it reports: `Chromium`, `Google Chrome`, `Mozilla Firefox`. */
  readonly name: string;
  readonly version: string;
  readonly executable: string;
  /** The flags that it is started with, except for its profile and the page's address. */
  readonly flags: readonly string[];
}

interface BrowserTraits {
  readonly name: string;
  /** The variable that names its program. */
  readonly variable: string;
  /** Its usual commands. */
  readonly commands: readonly string[];
  readonly install: string;
  readonly flags: readonly string[];
  /** The flags that name its profile, a folder that holds `preferences`. */
  profileFlags(profile: string): readonly string[];
  /** Files of a fresh profile, by name. */
  readonly preferences: Readonly<Record<string, string>>;
}

/** Chromium's own GPU in software, for WebGPU and for WebGL. */
const SOFTWARE_GPU = [
  "--use-webgpu-adapter=swiftshader",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
];

/** True if there is a GPU: on Linux, if the kernel offers a render node; on other systems always. */
const hasGpu = (): boolean =>
  process.platform !== "linux" ||
  (existsSync("/dev/dri") && readdirSync("/dev/dri").some((name) => name.startsWith("renderD")));

/** Nothing competes with the page, or makes it wait: no first run, extensions, updates, throttling. */
const CHROMIUM_FLAGS = [
  "--headless=new",
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-extensions",
  "--disable-component-update",
  "--disable-sync",
  "--disable-default-apps",
  "--disable-background-networking",
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  "--disable-dev-shm-usage",
  // A page that was left would keep its connection.
  "--disable-features=BackForwardCache",
  "--js-flags=--expose-gc",
  "--enable-unsafe-webgpu",
  "--ignore-gpu-blocklist",
  ...(hasGpu() ? [] : SOFTWARE_GPU),
];

const FIREFOX_PREFERENCES = {
  "app.update.enabled": false,
  "browser.aboutwelcome.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "browser.tabs.unloadOnLowMemory": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "dom.ipc.processPrelaunch.enabled": false,
  "dom.min_background_timeout_value": 4,
  "dom.timeout.enable_budget_timer_throttling": false,
  "extensions.update.enabled": false,
  "toolkit.telemetry.enabled": false,
  "dom.webgpu.enabled": true,
  "webgl.force-enabled": true,
};

export const BROWSERS: Readonly<Record<BrowserKind, BrowserTraits>> = {
  chromium: {
    name: "Chromium",
    variable: "CHROMIUM_PATH",
    commands: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
    install: "apt-get install chromium",
    flags: [
      ...CHROMIUM_FLAGS,
      // Chromium refuses to run as root with its sandbox.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    ],
    profileFlags: (profile) => [`--user-data-dir=${profile}`],
    preferences: {},
  },
  firefox: {
    name: "Firefox",
    variable: "FIREFOX_PATH",
    commands: ["firefox-esr", "firefox"],
    install: "apt-get install firefox-esr",
    flags: ["--headless", "--no-remote"],
    profileFlags: (profile) => ["--profile", profile],
    preferences: {
      "user.js": Object.entries(FIREFOX_PREFERENCES)
        .map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`)
        .join(""),
    },
  },
};

/** Longer than a browser takes to print its version, in milliseconds. */
const VERSION_TIMEOUT_MS = 30_000;

/**
 * Finds a browser: at a path, else at the path in its variable, else by its usual commands. It is never downloaded.
 *
 * @throws Unavailable if there is none
 */
export async function findBrowser(kind: BrowserKind, path?: string): Promise<Browser> {
  const { name, variable, commands, install, flags } = BROWSERS[kind];
  const given = path ?? process.env[variable];
  const remedy =
    path === undefined
      ? `${install}, or name its program: ${variable}=/path/to/${kind}`
      : `name the program of ${name}: --host ${kind}=/path/to/${kind}`;
  const executable = given ?? (await firstOnPath(commands));
  if (!executable) throw new Unavailable(`there is no ${name} here (tried ${commands.join(", ")})`, remedy);
  let printed: string;
  try {
    printed = (await readOutput([executable, "--version"], VERSION_TIMEOUT_MS)).trim();
  } catch (error) {
    const [line] = messageOf(error).split("\n");
    throw new Unavailable(`${executable} does not print the version of ${name}: ${line}`, remedy);
  }
  const [, found, version] = /^([A-Za-z][A-Za-z ]*?) (\d+[\d.]*)/.exec(printed) ?? [];
  const isIt = kind === "firefox" ? /firefox/i.test(found ?? "") : /chrom/i.test(found ?? "");
  if (!found || !version || !isIt) {
    const got = JSON.stringify(printed.slice(0, 40));
    throw new Unavailable(`expected ${executable} --version to print that of ${name}, got ${got}`, remedy);
  }
  return { kind, name: found, version, executable, flags };
}

async function firstOnPath(commands: readonly string[]): Promise<string | undefined> {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(isAbsolute);
  for (const file of commands.flatMap((command) => folders.map((folder) => join(folder, command)))) {
    try {
      await access(file, constants.X_OK);
      return file;
    } catch {}
  }
  return undefined;
}

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { runSteps, type Step, stepsOfAction, stepsOfJob } from "./action-steps.js";
import { folderWith, runIn } from "./installed.js";

/** A gradient in plain loops; `calls` are its calls for one answer, of which one is needed. */
const config = ({ id = "mine/loops", calls = 1, error = 0, extra = "" } = {}) => `
import { defineConfig } from "softmax-bench";
${extra}
function once({ logits, labels, rows, classes, gradient }) {
  let loss = 0;
  for (let start = 0, row = 0; row < rows; start += classes, row++) {
    let [max, sum] = [-Infinity, 0];
    for (let i = start; i < start + classes; i++) max = Math.max(max, logits[i]);
    for (let i = start; i < start + classes; i++) sum += Math.exp(logits[i] - max);
    loss += (Math.log(sum) - (logits[start + labels[row]] - max)) / rows;
    for (let i = start; i < start + classes; i++) gradient[i] = (1 + ${error}) * Math.exp(logits[i] - max) / sum / rows;
    gradient[start + labels[row]] -= 1 / rows;
  }
  return { loss, gradient };
}
export default defineConfig({
  dtypes: ["float32"],
  workloads: ["32x100"],
  methods: ["manual/shifted", {
    id: "${id}",
    gradient(problem) {
      for (let call = 1; call < ${calls}; call++) once(problem);
      return once(problem);
    },
  }],
});
`;

/** A user's repository: a config, and the program in node_modules, as npm installs what is packed. */
describe("a gate in a repository that is not this project's", () => {
  let folder = "";
  const environment = (): NodeJS.ProcessEnv => ({
    PATH: process.env.PATH,
    HOME: join(folder, ".."),
    GIT_CONFIG_GLOBAL: "/dev/null",
    SOFTMAX_BENCH_CACHE: join(folder, "..", "cache"),
    // Npm's advice to update it is nobody's error.
    npm_config_update_notifier: "false",
  });
  const git = (...args: readonly string[]): string =>
    execFileSync("git", ["-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.org", ...args], {
      encoding: "utf8",
    }).trim();
  /** Commits files, on the branch `main` for the base. */
  const commit = (files: Readonly<Record<string, string>>): string => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    git("add", "-A");
    git("commit", "-qm", Object.keys(files).join(), "--allow-empty");
    return git("rev-parse", "HEAD");
  };
  const gate = (flags: string) =>
    runIn(folder, `node_modules/.bin/softmax-bench gate ${flags}`, environment());
  beforeAll(() => {
    const installed = folderWith(["softmax-bench"]);
    folder = installed.folder;
    git("init", "-q", "-b", "main");
    commit({
      ".gitignore": "node_modules\nbench-results\n",
      "package.json": '{ "name": "mine", "type": "module", "devDependencies": { "softmax-bench": "*" } }\n',
    });
    return installed.remove;
  });
  afterEach(() => {
    rmSync(join(folder, "bench-results"), { recursive: true, force: true });
    git("checkout", "-q", "--force", "main");
  });
  /** A branch with another config than that of a base. */
  const change = (base: string, head: string): void => {
    commit({ "bench.config.ts": base });
    git("checkout", "-q", "-B", "change");
    commit({ "bench.config.ts": head });
  };

  it("names the baseline and the error where its config does not load: exit 2", () => {
    change(config({ extra: "undefinedFunction();" }), config());
    const base = gate("--baseline main");
    expect(base.stderr.trim().split("\n").at(-1)).toMatch(
      /^gate: the config of main \(.*\) is wrong: bench\.config\.ts does not load: undefinedFunction is not defined/,
    );
    expect(base.status).toBe(2);
  });

  it("names this checkout and the error where its config does not load: exit 2", { tags: "nightly" }, () => {
    commit({ "bench.config.ts": config() });
    git("checkout", "-q", "-B", "broken");
    commit({ "bench.config.ts": "export default nothing;" });
    const head = gate("--baseline main");
    expect(head.stderr.trim()).toMatch(
      /^gate: the config of this checkout \(.*\) is wrong: bench\.config\.ts does not load: nothing is not defined/,
    );
    expect(head.status).toBe(2);
  });

  it("does not call a method that one revision lacks a regression: exit 3 where it is the only one", {
    tags: "nightly",
  }, () => {
    change(config({ id: "mine/old" }), config({ id: "mine/new" }));
    const { status, stderr } = gate("--baseline main");
    expect(stderr).toContain("main has none of 1 cell that were asked for: nothing to compare");
    expect(status).toBe(3);
  });

  it("wants a config, or a choice of cells", () => {
    git("checkout", "-q", "-B", "empty");
    rmSync(join(folder, "bench.config.ts"), { force: true });
    const { status, stderr } = gate("--baseline main");
    expect(stderr).toMatch(
      /^gate: expected a bench\.config\.ts with methods of your own in .*, found none; /,
    );
    expect(status).toBe(2);
  });

  /** A branch with other dependencies than `main`. */
  const changeDependencies = (): void => {
    commit({ "bench.config.ts": config() });
    git("checkout", "-q", "-B", "change");
    commit({ "package.json": '{ "name": "mine", "type": "module", "version": "2.0.0" }\n' });
  };

  it("says that a baseline with other dependencies has no lockfile to install them by", {
    tags: "nightly",
  }, () => {
    changeDependencies();
    const none = gate("--baseline main");
    expect(none.stderr).toMatch(/main has other dependencies than this checkout, and no lockfile/);
    expect(none.status).toBe(2);
  });

  it("says why a baseline cannot be prepared, or is not in time", { tags: "nightly" }, () => {
    changeDependencies();
    const failing = gate("--baseline main --prepare 'echo error: no such compiler >&2; exit 1'");
    expect(failing.stderr).toMatch(
      /cannot build main, commit \w+: error: no such compiler; choose a baseline that builds here\n$/,
    );
    expect(failing.status).toBe(2);
    const slow = gate("--baseline main --time 2s --prepare 'sleep 60'");
    expect(slow.stderr).toContain(
      "the gate came to no verdict within --time 2 s; allow more, or choose fewer cells",
    );
    expect(slow.status).toBe(2);
  });

  it("compares errors alone, and computes nothing of a baseline that is known", { tags: "nightly" }, () => {
    change(config(), `${config()}\n`);
    const flags = "--baseline main --error-only --workload 32x100 --no-provision";
    for (const line of ["digests of 1 gradient of main", "digests of 1 gradient, 1 of them known of main"]) {
      const { status, stdout, stderr } = gate(flags);
      expect(status, stderr).toBe(0);
      expect(stderr).toContain(line);
      expect(stdout).toContain("1 cell compared: 1 pass.");
    }
    commit({ "bench.config.ts": config({ error: 1e-3 }) });
    const wrong = gate(flags);
    expect(wrong.status, wrong.stderr).toBe(1);
    expect(wrong.stdout).toContain("1 cell compared: 1 regression.");
  });

  /** The steps of the action in a pull request of this repository. */
  const runAction = (
    base: string,
    inputs: Readonly<Record<string, string>>,
    env: NodeJS.ProcessEnv,
    steps: readonly Step[] = stepsOfAction().steps,
  ) => {
    const event = join(folder, "..", "event.json");
    writeFileSync(event, JSON.stringify({ pull_request: { number: 7 } }));
    return runSteps(
      steps,
      folder,
      {
        ...stepsOfAction().inputs,
        ...inputs,
        "github.event.pull_request.base.sha": base,
        "github.token": "a-token",
      },
      {
        ...environment(),
        GITHUB_ACTIONS: "true",
        GITHUB_EVENT_PATH: event,
        GITHUB_REPOSITORY: "me/mine",
        GITHUB_RUN_ID: "42",
        RUNNER_OS: "Linux",
        RUNNER_ARCH: "X64",
        ...env,
      },
    );
  };

  it("has nothing to compare with where the baseline has no config, and says so in all places of the action", {
    tags: "nightly",
  }, async () => {
    const first = git("rev-list", "--max-parents=0", "HEAD");
    change(config(), config());
    const { code, log, outputs, summary } = await runAction(first, {}, {});
    expect(code, log).toBe(3);
    expect(outputs["steps.gate.outputs.exit-code"]).toBe("3");
    expect(log).toContain("expected to take about ");
    const why = `${first}, commit ${first}, has no bench.config.ts in this folder: nothing to compare with`;
    expect(log).toContain(`::error title=softmax-bench gate%3A no verdict::${why}`);
    const comment = readFileSync(join(outputs["steps.gate.outputs.folder"] ?? "", "comment.md"), "utf8");
    for (const text of [summary, comment])
      expect(text).toContain(`**The gate came to no verdict**: \`${why}`);
  });

  it("fails the action in one line for inputs that it cannot use", async () => {
    change(config(), config());
    const broken = { "inputs.selection": "--method 'mine/*", "inputs.baseline": "main" };
    const { code, log } = await runAction("", broken, {});
    expect(log).toContain("::error::the input selection has a quote that does not end");
    expect(code).toBe(2);
    expect(await runAction("", {}, {})).toMatchObject({
      code: 2,
      log: "::error::expected the input baseline: only a pull request has one of its own\n",
    });
  });

  /** A server like GitHub's API, which keeps what is posted. */
  async function comments(): Promise<{ api: string; bodies: string[] }> {
    const bodies: string[] = [];
    const server = createServer((request, response) => {
      let text = "";
      request.on("data", (part) => {
        text += part;
      });
      request.on("end", () => {
        if (request.method === "POST") bodies.push(JSON.parse(text).body);
        response
          .writeHead(200)
          .end(request.method === "GET" ? "[]" : '{ "html_url": "https://github.test/7" }');
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    return { api: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies };
  }

  /** Minutes of a quiet machine. */
  describe("that measures", () => {
    it("is green for the same code, and red for a gradient that is computed twice", {
      tags: "nightly",
    }, async () => {
      change(config(), `${config()}\n`);
      const same = gate("--baseline main");
      expect(same.status, same.stderr).toBe(0);
      expect(same.stderr).toContain("main: has the same dependencies as this checkout, and shares them");
      // The user's method alone: not manual/shifted, which the config selects, too.
      expect(same.stdout).toContain("1 cell compared: 1 pass.");

      rmSync(join(folder, "bench-results"), { recursive: true });
      commit({ "bench.config.ts": config({ calls: 2 }) });
      const base = git("rev-parse", "main");
      const { code, log, summary } = await runAction(base, {}, {});
      expect(code, log).toBe(1);
      expect(summary).toContain("# Regression: this checkout against");
      expect(log).toMatch(
        /^::error title=softmax-bench gate%3A regression::javascript mine\/loops float32 32x100: time: p = /m,
      );
    });

    it("is red for a larger error, in the workflow to copy too", {
      tags: "nightly",
    }, async () => {
      change(config(), config({ error: 1e-3 }));
      const { api, bodies } = await comments();
      const steps = stepsOfJob("deploy/github-actions/gate.yml", "gate").filter(
        ({ run }) => run !== "npm ci",
      );
      const { code, log, summary } = await runAction(
        git("rev-parse", "main"),
        {},
        { GITHUB_API_URL: api },
        steps,
      );
      expect(code, log).toBe(1);
      expect(summary).toContain("# Regression");
      expect(bodies).toEqual([expect.stringContaining("# Regression")]);
      expect(log).toMatch(/^::error title=softmax-bench gate%3A regression::.*error: /m);
    });
  });
});

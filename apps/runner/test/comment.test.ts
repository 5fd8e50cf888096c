import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { call, temporaryFolder } from "./support/cli.js";

interface Comment {
  readonly id: number;
  body: string;
  readonly user: { readonly type: "Bot" | "User" };
}

const TOKEN = "a-token";
const PATH = "/repos/me/mine/issues";

/**
 * GitHub's API of comments, as its documentation describes it: pages with a `Link` header, 201 for a new comment, and 403 for
 * a token without the right to write.
 */
async function github({ readOnly = false, rateLimit = false, comments = [] as Comment[] } = {}) {
  const calls: string[] = [];
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", api());
    calls.push(`${request.method} ${pathname}`);
    const reply = (status: number, body: unknown, headers: Record<string, string> = {}) =>
      response
        .writeHead(status, { "content-type": "application/json", ...headers })
        .end(JSON.stringify(body));
    if (request.headers.authorization !== `Bearer ${TOKEN}`)
      return reply(401, { message: "Bad credentials" });
    if (rateLimit) {
      return reply(403, { message: "API rate limit exceeded" }, { "x-ratelimit-remaining": "0" });
    }
    if (request.method === "GET" && pathname === `${PATH}/7/comments`) {
      const page = Number(searchParams.get("page") ?? 1);
      const size = Number(searchParams.get("per_page") ?? 30);
      const isLast = page * size >= comments.length;
      const next = `<${api()}${pathname}?per_page=${size}&page=${page + 1}>; rel="next", <${api()}${pathname}>; rel="last"`;
      return reply(200, comments.slice((page - 1) * size, page * size), isLast ? {} : { link: next });
    }
    if (readOnly) return reply(403, { message: "Resource not accessible by integration" });
    if (request.method === "GET") return reply(404, { message: "Not Found" });
    const { body } = (await json(request)) as { body: string };
    const id = Number(pathname.split("/").at(-1));
    const known = comments.find((one) => one.id === id);
    if (request.method === "PATCH" && known) known.body = body;
    else if (request.method === "POST" && pathname === `${PATH}/7/comments`) {
      comments.push({ id: 1000 + comments.length, body, user: { type: "Bot" } });
    } else return reply(404, { message: "Not Found" });
    reply(request.method === "POST" ? 201 : 200, { html_url: "https://github.test/me/mine/pull/7#1" });
  });
  const api = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { api: api(), calls, comments };
}

const file = (text: string): string => {
  const path = join(temporaryFolder(), "event.json");
  writeFileSync(path, text);
  return path;
};
const PULL_REQUEST = JSON.stringify({ pull_request: { number: 7 } });

/** Comments with the outcome of a gate, as a step of a workflow does. */
function comment(api: string, text: string, env: NodeJS.ProcessEnv = {}) {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "comment.md"), text);
  return call("comment", [folder], {
    env: {
      GITHUB_API_URL: api,
      GITHUB_REPOSITORY: "me/mine",
      GITHUB_SERVER_URL: "https://github.test",
      GITHUB_RUN_ID: "42",
      GITHUB_EVENT_PATH: file(PULL_REQUEST),
      GITHUB_TOKEN: TOKEN,
      ...env,
    },
  });
}

const others = (count: number): Comment[] =>
  Array.from({ length: count }, (_, id) => ({ id, body: `looks good ${id}`, user: { type: "User" } }));

describe("the comment of a gate on a pull request", () => {
  it("is made once, and then updated, on whatever page of the comments it is", async () => {
    const server = await github({ comments: others(150) });
    const first = await comment(server.api, "# No regression\n");
    expect(first).toMatchObject({ code: 0, stderr: "created https://github.test/me/mine/pull/7#1\n" });
    server.comments.push(...others(120));
    const second = await comment(server.api, "# Regression\n");
    expect(second).toMatchObject({ code: 0, stderr: "updated https://github.test/me/mine/pull/7#1\n" });
    const ours = server.comments.filter(({ user }) => user.type === "Bot");
    expect(ours.map(({ body }) => body)).toEqual([
      "<!-- softmax-bench gate -->\n# Regression\n\n[The run of this gate](https://github.test/me/mine/actions/runs/42)\n",
    ]);
  });

  it("is not one that a person made to look like it", async () => {
    const imitation: Comment = { id: 1, body: "<!-- softmax-bench gate -->\nfine", user: { type: "User" } };
    const server = await github({ comments: [imitation] });
    expect((await comment(server.api, "# Regression\n")).stderr).toMatch(/^created /);
    expect(server.comments[0]?.body).toBe("<!-- softmax-bench gate -->\nfine");
  });

  it("is left out in one line, without failing, where the token may only read: a fork's pull request", async () => {
    const server = await github({ readOnly: true });
    expect(await comment(server.api, "# Regression\n")).toMatchObject({
      code: 0,
      stderr:
        "no comment: the token may not write to pull requests; a fork's never may, others need permissions: pull-requests: write\n",
    });
  });

  it("is left out in one line for a push", async () => {
    const server = await github();
    const { code, stderr } = await comment(server.api, "", { GITHUB_EVENT_PATH: file("{}") });
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: "no comment: this workflow runs for no pull request\n",
    });
    expect(server.calls).toEqual([]);
  });

  it.each([
    ["a wrong token", {}, { GITHUB_TOKEN: "another" }, /got 401: Bad credentials$/],
    ["no token", {}, { GITHUB_TOKEN: "" }, /expected the environment variable GITHUB_TOKEN, got none/],
    ["too many calls", { rateLimit: true }, {}, /got 403: API rate limit exceeded$/],
    ["another repository", {}, { GITHUB_REPOSITORY: "me/other" }, /got 404: Not Found$/],
    ["no event", {}, { GITHUB_EVENT_PATH: "/nowhere" }, /expected the event of a workflow/],
    [
      "no server",
      {},
      { GITHUB_API_URL: "http://127.0.0.1:65535" },
      /^comment: no answer to GET .*ECONNREFUSED/,
    ],
  ])("exits 2 with one line for %s", async (_, options, env, message) => {
    const server = await github(options);
    const { code, stderr } = await comment(server.api, "", env);
    expect(stderr.trimEnd()).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
  });

  it("exits 2 for a folder that no gate wrote", async () => {
    const { code, stderr } = await call("comment", [temporaryFolder()]);
    expect(stderr).toMatch(/^comment: expected the folder of a gate, with comment\.md, got /);
    expect(code).toBe(2);
  });
});

import { readFileSync } from "node:fs";
import { messageOf } from "@softmax-bench/core";
import { z } from "zod";
import { UsageError } from "../terminal/errors.js";

/** The pull request of a GitHub workflow, as the runner's environment describes it. */
export interface PullRequest {
  /** `https://api.github.com`, or a server of one's own. */
  readonly api: string;
  /** `owner/name` */
  readonly repository: string;
  readonly number: number;
  readonly token: string;
  /** The page of the workflow's run. */
  readonly run: string;
}

export type CommentOutcome =
  | { readonly status: "created" | "updated"; readonly url: string }
  /** The token may only read, as that of a fork's pull request. */
  | { readonly status: "forbidden" };

/** The first line of the comment, invisible, by which the next run finds it. */
const MARKER = "<!-- softmax-bench gate -->";

/**
 * The pull request that a workflow runs for; undefined if it runs for something else, such as a push.
 * @throws UsageError naming the variable that is missing or wrong
 */
export function findPullRequest(env: NodeJS.ProcessEnv): PullRequest | undefined {
  const get = (name: string): string => {
    const value = env[name];
    if (value) return value;
    throw new UsageError(
      `expected the environment variable ${name}, got none: ${name === "GITHUB_TOKEN" ? "give the step github.token in its env" : "this runs in workflows of GitHub"}`,
    );
  };
  const number = readNumber(get("GITHUB_EVENT_PATH"));
  if (number === undefined) return undefined;
  const repository = get("GITHUB_REPOSITORY");
  const server = env.GITHUB_SERVER_URL ?? "https://github.com";
  return {
    api: env.GITHUB_API_URL ?? "https://api.github.com",
    repository,
    number,
    token: get("GITHUB_TOKEN"),
    run: `${server}/${repository}/actions/runs/${get("GITHUB_RUN_ID")}`,
  };
}

const event = z.object({ pull_request: z.object({ number: z.int().positive() }).optional() });

function readNumber(file: string): number | undefined {
  try {
    return event.parse(JSON.parse(readFileSync(file, "utf8"))).pull_request?.number;
  } catch (error) {
    throw new UsageError(
      `expected the event of a workflow in GITHUB_EVENT_PATH, got ${file}: ${messageOf(error)}`,
    );
  }
}

/** Comments as the API lists them. */
const comments = z.array(
  z.object({ id: z.int(), body: z.string().nullish(), user: z.object({ type: z.string() }).nullish() }),
);

/**
 * Makes or updates the one comment of the gate on a pull request.
 * @throws UsageError if GitHub refuses it for another reason than the token's rights
 */
export async function comment(pullRequest: PullRequest, markdown: string): Promise<CommentOutcome> {
  const body = `${MARKER}\n${markdown}\n[The run of this gate](${pullRequest.run})\n`;
  const path = `/repos/${pullRequest.repository}/issues`;
  try {
    const id = await findComment(pullRequest, `${path}/${pullRequest.number}/comments?per_page=100`);
    const response =
      id === undefined
        ? await call(pullRequest, "POST", `${path}/${pullRequest.number}/comments`, { body })
        : await call(pullRequest, "PATCH", `${path}/comments/${id}`, { body });
    const { html_url: url } = z.object({ html_url: z.string() }).parse(await response.json());
    return { status: id === undefined ? "created" : "updated", url };
  } catch (error) {
    if (error instanceof Forbidden) return { status: "forbidden" };
    throw error;
  }
}

/** The id of the gate's comment among all of a pull request. A person's comment that imitates it is left alone. */
async function findComment(pullRequest: PullRequest, first: string): Promise<number | undefined> {
  for (let path: string | undefined = first; path; ) {
    const response: Response = await call(pullRequest, "GET", path);
    const found = comments
      .parse(await response.json())
      .find(({ body, user }) => user?.type === "Bot" && body?.startsWith(MARKER));
    if (found) return found.id;
    path = nextPage(pullRequest, response.headers.get("link"));
  }
  return undefined;
}

/** The path of the next page in a `Link` header; the token goes to no other server than the API. */
function nextPage({ api }: PullRequest, link: string | null): string | undefined {
  const url = /<([^>]+)>;\s*rel="next"/.exec(link ?? "")?.[1];
  return url?.startsWith(`${api}/`) ? url.slice(api.length) : undefined;
}

/** The token has not the rights that a call needs. */
class Forbidden extends Error {}

const TIMEOUT_MS = 30_000;

async function call(
  { api, token }: PullRequest,
  method: string,
  path: string,
  body?: object,
): Promise<Response> {
  const what = `${method} ${api}${path}`;
  let response: Response;
  try {
    response = await fetch(`${api}${path}`, {
      method,
      headers: {
        accept: "application/vnd.github+json",
        authorization: `Bearer ${token}`,
        "user-agent": "softmax-bench",
        "x-github-api-version": "2022-11-28",
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
    throw new UsageError(`no answer to ${what}: ${cause}`);
  }
  if (response.ok) return response;
  const { message = "" } = (await response.json().catch(() => ({}))) as { message?: string };
  const isRateLimit = response.headers.get("x-ratelimit-remaining") === "0" || /rate limit/i.test(message);
  if (response.status === 403 && !isRateLimit) throw new Forbidden();
  throw new UsageError(`expected an answer to ${what}, got ${response.status}${message && `: ${message}`}`);
}

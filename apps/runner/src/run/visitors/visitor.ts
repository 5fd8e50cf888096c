import type { Environment, HostRecord } from "@softmax-bench/core";
import { describeIssue, schema } from "@softmax-bench/core/results";
import { oneLine } from "@softmax-bench/report/model";
import { z } from "zod";

/** A visitor is a browser that its user has led to a page of ours. Everything that it says may be untrue. */

/** The request of a visitor's page: what to measure, and what the page knows about its machine. */
const visitorRequest = z.strictObject({
  profile: z.enum(["smoke", "default"]),
  backends: z.array(schema.id).min(1).max(100),
  machine: z.strictObject({
    /** The user's name for it. */
    name: z.string().max(80),
    userAgent: z.string().max(1000),
    /** The processor's architecture, if the browser says it. */
    architecture: z.string().max(40).optional(),
    cores: z.int().min(1).max(1024),
    memoryBytes: z
      .number()
      .positive()
      .max(2 ** 50)
      .optional(),
    isIsolated: z.boolean(),
    clockStepNs: z.number().positive().max(1e10),
  }),
});

export type VisitorRequest = z.output<typeof visitorRequest>;
export type VisitorMachine = VisitorRequest["machine"];

/** A request, or a description of the fault in it. */
export function parseVisitorRequest(text: string): VisitorRequest | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "expected a request in JSON";
  }
  const parsed = visitorRequest.safeParse(value);
  return parsed.success ? parsed.data : describeIssue(parsed.error, value);
}

interface Software {
  /** The id of a host: the browser's engine. */
  readonly host: string;
  readonly name: string;
  readonly version: string;
}

/** Browsers by a part of their user agent; later ones are in those of earlier ones, too. */
const BROWSERS = [
  { host: "firefox", name: "Firefox", pattern: /\bFirefox\/(\d[\d.]*)/ },
  { host: "chromium", name: "Edge", pattern: /\bEdgA?\/(\d[\d.]*)/ },
  { host: "chromium", name: "Opera", pattern: /\bOPR\/(\d[\d.]*)/ },
  { host: "chromium", name: "Samsung Internet", pattern: /\bSamsungBrowser\/(\d[\d.]*)/ },
  { host: "chromium", name: "Chromium", pattern: /\b(?:Headless)?Chrom(?:e|ium)\/(\d[\d.]*)/ },
  { host: "webkit", name: "Safari", pattern: /\bVersion\/(\d[\d.]*).*\bSafari\// },
  { host: "webkit", name: "WebKit", pattern: /\bAppleWebKit\/(\d[\d.]*)/ },
] as const;

/** The browser that a user agent is of. */
export function parseUserAgent(userAgent: string): Software {
  for (const { host, name, pattern } of BROWSERS) {
    const version = pattern.exec(userAgent)?.[1];
    if (version !== undefined) return { host, name, version: version.slice(0, 40) };
  }
  return { host: "browser", name: "unknown browser", version: "unknown" };
}

/** A visitor's browser, as results record it. */
export function toHostRecord({ userAgent, isIsolated, clockStepNs }: VisitorMachine): HostRecord {
  const { host, name, version } = parseUserAgent(userAgent);
  return {
    id: host,
    status: "available",
    runtime: { name, version },
    settings: {
      "user agent": oneLine(userAgent),
      "cross-origin isolated": isIsolated ? "yes" : "no",
      "step of its clock": `${Number((clockStepNs / 1000).toPrecision(3))} µs`,
    },
  };
}

/** A visitor's machine, as results record it. @param node the version of the Node that judges; `none` in a page */
export function toEnvironment(machine: VisitorMachine, node: string): Environment {
  const { name, userAgent, architecture, cores, memoryBytes } = machine;
  const software = parseUserAgent(userAgent);
  const [, system = "unknown"] = /\(([^)]*)\)/.exec(userAgent) ?? [];
  return {
    cpu: [oneLine(name) || "unknown processor", ...(architecture ? [oneLine(architecture)] : [])].join(", "),
    cores,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    os: oneLine(system),
    node,
    versions: { [software.name]: software.version },
  };
}

/** The threads that a visitor's backends may have: without isolation there is no shared memory. */
export const threadsOf = ({ isIsolated, cores }: VisitorMachine): number => (isIsolated ? cores : 1);

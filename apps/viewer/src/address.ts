import { DTYPE_IDS } from "@softmax-bench/core";
import { DEFAULT_CONSTRAINTS, ERROR_MEASURES } from "@softmax-bench/report/model";
import { useEffect, useMemo, useState } from "preact/hooks";
import { z } from "zod";
import { type Choices, parseLimit, type View, withinChoices } from "./selection.js";

/** The parameters of an address; malformed ones count as absent. Ids are compared with those of the runs later. */
const address = z.object({
  workload: z.string().optional(),
  dtype: z.enum(DTYPE_IDS).optional().catch(undefined),
  host: z.string().optional(),
  need: z.enum(["gradient", "roundtrip"]).catch(DEFAULT_CONSTRAINTS.phase),
  error: z.enum(ERROR_MEASURES).catch(DEFAULT_CONSTRAINTS.error.measure),
  atMost: z.string().transform(parseLimit).pipe(z.number()).catch(DEFAULT_CONSTRAINTS.error.limit),
  runsOn: z.array(z.string()),
  hideBackend: z.array(z.string()),
  hideMethod: z.array(z.string()),
});

const CPU_ONLY = "cpu";
const NO_NATIVE_CODE = "no-native-code";

/** An address: a section of the page, and the choices of its reader. */
interface Address {
  readonly section: string | undefined;
  readonly view: View;
}

/** Reads `#sweeps&workload=vocab`. It may come from anywhere: unknown names and values are ignored. */
function parseAddress(hash: string): Address {
  const [first = "", ...rest] = hash.replace(/^#/, "").split("&");
  const section = first && !first.includes("=") ? first : undefined;
  const query = new URLSearchParams((section ? rest : [first, ...rest]).join("&"));
  const one = (name: string) => query.get(name) ?? undefined;
  const read = address.parse({
    workload: one("workload"),
    dtype: one("dtype"),
    host: one("host"),
    need: one("need"),
    error: one("error"),
    atMost: one("atMost"),
    runsOn: query.getAll("runsOn"),
    hideBackend: query.getAll("hideBackend"),
    hideMethod: query.getAll("hideMethod"),
  });
  return {
    section,
    view: {
      workload: read.workload,
      dtype: read.dtype,
      host: read.host,
      hiddenBackends: new Set(read.hideBackend),
      hiddenMethods: new Set(read.hideMethod),
      constraints: {
        phase: read.need,
        error: { measure: read.error, limit: read.atMost },
        cpuOnly: read.runsOn.includes(CPU_ONLY),
        noNativeCode: read.runsOn.includes(NO_NATIVE_CODE),
      },
    },
  };
}

/** The address of a view, without its defaults. @param section to go to, if any */
export function formatAddress(view: View, section?: string): string {
  const { workload, dtype, host, hiddenBackends, hiddenMethods, constraints } = view;
  const { phase, error, cpuOnly, noNativeCode } = constraints;
  const { error: usual } = DEFAULT_CONSTRAINTS;
  const query = new URLSearchParams();
  if (workload !== undefined) query.set("workload", workload);
  if (dtype !== undefined) query.set("dtype", dtype);
  if (host !== undefined) query.set("host", host);
  if (phase !== DEFAULT_CONSTRAINTS.phase) query.set("need", phase);
  if (error.measure !== usual.measure) query.set("error", error.measure);
  if (error.limit !== usual.limit) query.set("atMost", String(error.limit));
  if (cpuOnly) query.append("runsOn", CPU_ONLY);
  if (noNativeCode) query.append("runsOn", NO_NATIVE_CODE);
  for (const id of hiddenBackends) query.append("hideBackend", id);
  for (const id of hiddenMethods) query.append("hideMethod", id);
  return `#${[section, query.toString()].filter(Boolean).join("&")}`;
}

/** The view that the address of the page has; a change of it is a step in the browser's history. */
export function useAddress(choices: Choices): [view: View, change: (view: View) => void] {
  const [view, setView] = useState(() => parseAddress(location.hash).view);
  useEffect(() => {
    const follow = () => {
      const { section, view: wanted } = parseAddress(location.hash);
      setView((known) => (formatAddress(known) === formatAddress(wanted) ? known : wanted));
      if (section) scrollToSection(section);
    };
    const { section } = parseAddress(location.hash);
    // Charts take their places with the first frame.
    if (section) requestAnimationFrame(() => scrollToSection(section));
    // Links to sections fire it, too.
    addEventListener("popstate", follow);
    return () => removeEventListener("popstate", follow);
  }, []);
  const kept = useMemo(() => withinChoices(view, choices), [view, choices]);
  const change = (wanted: View) => {
    setView(wanted);
    const address = formatAddress(withinChoices(wanted, choices));
    if (address !== formatAddress(kept)) history.pushState(null, "", address);
  };
  return [kept, change];
}

/** Shows a section, and continues from there for readers who use the keyboard. */
export function scrollToSection(id: string): void {
  const element = document.getElementById(id);
  if (element?.tagName !== "SECTION") return;
  element.scrollIntoView();
  element.querySelector("h2")?.focus({ preventScroll: true });
}

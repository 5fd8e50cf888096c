import { clockStep } from "../clock.js";

/** The machine that the page is on, as far as the page can tell: part of a request, see `apps/runner/src/run/visitors`. */
export interface Machine {
  readonly name: string;
  readonly userAgent: string;
  readonly architecture?: string;
  readonly cores: number;
  readonly memoryBytes?: number;
  readonly isIsolated: boolean;
  readonly clockStepNs: number;
}

/** Parts of `navigator` that only Chromium has. */
interface ChromiumNavigator {
  readonly deviceMemory?: number;
  readonly userAgentData?: {
    getHighEntropyValues(hints: readonly string[]): Promise<{ architecture?: string; bitness?: string }>;
  };
}

/** Steps of the clock that are timed: a browser that protects its users may have one of 0.1 s. */
const CLOCK_STEPS = 5;

export async function describeMachine(): Promise<Omit<Machine, "name">> {
  const { deviceMemory, userAgentData } = navigator as ChromiumNavigator;
  const { architecture = "", bitness = "" } =
    (await userAgentData?.getHighEntropyValues(["architecture", "bitness"]).catch(() => undefined)) ?? {};
  const known = [architecture, bitness && `${bitness} bit`].filter(Boolean).join(" ");
  return {
    userAgent: navigator.userAgent,
    ...(known ? { architecture: known } : {}),
    cores: navigator.hardwareConcurrency || 1,
    ...(deviceMemory ? { memoryBytes: deviceMemory * 2 ** 30 } : {}),
    isIsolated: crossOriginIsolated,
    clockStepNs: clockStep(CLOCK_STEPS),
  };
}

"""Times of a phase once they have stopped changing: sample.ts of packages/measure and steadiness.ts of packages/stats.

Three of its parts have no counterpart here. Windows are not tested for other programs on the same core (the throughput
probe), so nothing waits for those to end; CPython has no compiler whose work could be watched; and nothing waits for a
coarse clock. A steadiness reported from here rests on the test for drift alone.
"""

import gc
import math
import statistics
from time import perf_counter_ns as now

FEWEST_TO_TEST = 10
END = 0.4
NEGLIGIBLE = 0.02
SIGNIFICANT = 0.02

WARMUP_CALLS = 2
VERY_SLOW_CALL_NS = 1e9

# Time in windows of this process so far, in nanoseconds.
sampled_ns = 0


def steadiness_of(samples):
    """Tests samples, in the order taken, for drift: see `testSteadiness` in packages/stats."""
    if len(samples) < FEWEST_TO_TEST:
        return "untested"
    length = int(END * len(samples))
    first, last = samples[:length], samples[-length:]
    drift = abs(statistics.median(last) / max(statistics.median(first), 1e-9) - 1)
    return "unsettled" if drift > NEGLIGIBLE and rank_sum_p(first, last) < SIGNIFICANT else "settled"


def rank_sum_p(a, b):
    """One-sided p that two samples are of one distribution, in the direction in which they differ (Wilcoxon 1945)."""
    n, m = len(a), len(b)
    pooled = sorted(a + b)
    ranks, start = {}, 0
    while start < len(pooled):
        end = start
        while end < len(pooled) and pooled[end] == pooled[start]:
            end += 1
        ranks[pooled[start]] = (start + 1 + end) / 2
        start = end
    rank_sum = sum(ranks[value] for value in a)
    deviation = math.sqrt(n * m * (n + m + 1) / 12)
    z = max(0, abs(rank_sum - n * (n + m + 1) / 2) - 0.5) / deviation
    return math.erfc(z / math.sqrt(2)) / 2


def sample(work, limits):
    """Samples a phase: windows until those of the last half of the time show no drift, or the time is used up.

    The first phase of a process lasts until `warmUpNs` have been sampled, and the limit begins after that.
    """
    global sampled_ns
    gc.collect()
    begun = warm_at = now()
    call_ns = warm_up(work)
    size = fit_to_limits(call_ns, limits)
    windows, windows_ns = [], 0
    while True:
        window = take_window(work, size)
        windows.append(window)
        took = window["end"] - window["start"]
        windows_ns += took
        sampled_ns += took
        if sampled_ns < limits["warmUpNs"]:
            warm_at = window["end"]
            continue
        elapsed = window["end"] - begun
        recent = [one for one in windows if one["end"] - begun >= elapsed / 2]
        steadiness = steadiness_of([value for one in recent for value in one["samples"]])
        has_time_for_another = window["end"] - warm_at + took <= limits["settleNs"]
        if (steadiness == "settled" and len(recent) > 1) or not has_time_for_another:
            kept = recent[-max(2, math.ceil(len(recent) / 2)) :]
            return {
                "samples": [value for one in kept for value in one["samples"]],
                "callsPerSample": size["calls"],
                "steadiness": steadiness,
                "settlingNs": kept[0]["start"] - begun,
                "intervals": [(one["start"], one["end"]) for one in kept],
                "windowsNs": windows_ns,
            }


def sample_parts(work, limits):
    """Like `sample`, for work that returns the times of its parts. Its calls are never batched."""
    calls = []

    def timed():
        parts = work()
        calls.append((now(), parts))

    sampled = sample(timed, {**limits, "batchNs": 0})
    kept = [parts for at, parts in calls if any(start <= at <= end for start, end in sampled["intervals"])]
    return {**sampled, "parts": {name: [parts[name] for parts in kept] for name in kept[0]}}


def warm_up(work):
    """Returns the fastest call's time, in nanoseconds. Work that takes longer than a second gets one call."""
    fastest = math.inf
    for call in range(WARMUP_CALLS):
        if call > 0 and fastest > VERY_SLOW_CALL_NS:
            break
        start = now()
        work()
        fastest = min(fastest, now() - start)
    return max(1, fastest)


def fit_to_limits(call_ns, limits):
    calls = max(1, math.floor(limits["batchNs"] / call_ns + 0.5))
    affordable = int(limits["mostWindowNs"] // (call_ns * calls))
    most = max(limits["fewestSamples"], min(limits["maxSamples"], affordable))
    return {
        "calls": calls,
        "most": most,
        "fewest": min(limits["minSamples"], most),
        "windowNs": limits["windowNs"],
    }


def take_window(work, size):
    calls = range(size["calls"])
    samples, total, start = [], 0, now()
    while len(samples) < size["most"] and (len(samples) < size["fewest"] or total < size["windowNs"]):
        before = now()
        for _ in calls:
            work()
        took = now() - before
        samples.append(took / size["calls"])
        total += took
    return {"samples": samples, "start": start, "end": now()}

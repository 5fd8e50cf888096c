"""A worker's side of the protocol (packages/measure/src/protocol.ts), for every runtime: requests, phases, replies.

A runtime is a module that imports it, with a function `load(threads)`. What that returns has `info`, `notes` by method,
`lacks(dtype)` with the reason why a dtype is not among those of `info`, and `prepare(task, program, inputs)`, whose result has `upload`, `forward`, `gradient` and `read`: the contract of
packages/core/src/backend.ts. It may also have `prepare_step(program, inputs)`, whose result is a function that computes the loss
and all gradients of a network.
"""

import errno
import gc
import json
import socket
from importlib import import_module
from time import perf_counter_ns as now

from process import peak_resident_bytes, processor_name, settled_bytes, since_start_ns, this_python
from sampling import sample, sample_parts

PROTOCOL_VERSION = 4
CHANNEL = 3
FULL = (errno.ENOSPC, errno.EDQUOT)


def serve():
    """Answers requests until the parent is gone."""
    worker = Worker()
    channel = socket.socket(fileno=CHANNEL)
    for line in channel.makefile(encoding="utf-8"):
        channel.sendall((json.dumps(worker.respond(json.loads(line)), allow_nan=False) + "\n").encode())
        # Collections wait until nothing is measured.
        gc.collect()


class Worker:
    def __init__(self):
        self.runtime = None
        self.held = (None, None)

    def respond(self, request):
        kind = request["type"]
        try:
            if kind == "open":
                return self.open(request)
            if self.runtime is None:
                return {"type": "failed", "reason": f'expected a request to open a backend, got "{kind}"'}
            if kind not in ("run", "scale", "memory", "steps"):
                return {"type": "unsupported", "reason": "networks are not trained on references"}
            dtype = request["network"]["dtype"] if kind == "steps" else request["dtype"]
            if dtype not in self.runtime.info["dtypes"]:
                return {"type": "unsupported", "reason": self.runtime.lacks(dtype)}
            return getattr(self, kind)(request)
        except OSError as error:
            if error.errno in FULL:
                return {"type": "no-room", "reason": str(error)}
            return failed(error)
        except Exception as error:
            return failed(error)

    def open(self, request):
        if request["protocol"] != PROTOCOL_VERSION:
            reason = (
                f"expected protocol {PROTOCOL_VERSION}, got {request['protocol']}: "
                "the two ends are of different versions of softmax-bench; build both again"
            )
            return {"type": "failed", "reason": reason}
        if "module" not in request:
            return {"type": "failed", "reason": f'there is no backend "{request["backend"]}"'}
        global arrays
        try:
            self.runtime = import_module(request["module"]).load(request["threads"])
            arrays = import_module("arrays")
        except ImportError as error:
            return {"type": "unavailable", "reason": f"{this_python()}: {error}", "remedy": request["remedy"]}
        task = request["first"]
        self.runtime.prepare(task, *task["programs"], arrays.synthetic(task["programs"][0])).gradient()
        # What is there now stays: collections need not look at it again.
        gc.collect()
        gc.freeze()
        gc.disable()
        return {
            "type": "opened",
            "protocol": PROTOCOL_VERSION,
            "device": {"kind": "cpu", "name": processor_name()},
            "coldStartNs": since_start_ns(),
            **self.runtime.info,
        }

    def run(self, request):
        (program,) = request["programs"]
        # Many tasks in a row have the same inputs. Where there are several sets, the arrays end up holding the last one.
        key = (request["inputs"], request["sets"] == 1)
        if self.held[0] != key or request["sets"] > 1:
            self.held = (key, arrays.allocate(program))
            arrays.read_inputs(self.held[1], 0)
        inputs = self.held[1]
        start = now()
        prepared = self.runtime.prepare(request, program, inputs)
        compiled = now()
        timed = sample_phases(prepared, request["sampling"]) if "sampling" in request else {}
        settling = timed.get("sampling", {}).get("settlingNs", 0)
        results = prepared.read()
        for number in range(1, request["sets"]):
            results = [array.copy() for array in results] if number == 1 else results
            arrays.read_inputs(inputs, number)
            prepared.upload()
            results += [array.copy() for array in prepared.read()]
        measured = now()
        arrays.write_results(results)
        reply = {"type": "computed", "readback": "copies", **self.note(request), **timed}
        return {**reply, **finished(start, compiled, measured, settling)}

    def scale(self, request):
        (program,) = request["programs"]
        inputs = arrays.synthetic(program)
        start = now()
        prepared = self.runtime.prepare(request, program, inputs)
        compiled = now()
        timed = sample(prepared.gradient, request["limits"])
        times = {"gradientNs": timed["samples"], "steadiness": timed["steadiness"]}
        reply = {"type": "scaled", **times, **self.note(request)}
        return {**reply, **finished(start, compiled, now(), timed["settlingNs"])}

    def memory(self, request):
        """What gradients of growing size hold, and what is left when they are gone: see packages/measure/src/scale.ts."""
        tasks = [(program, arrays.synthetic(program)) for program in request["programs"]]
        start = now()

        def hold(program, inputs):
            prepared = self.runtime.prepare(request, program, inputs)
            prepared.gradient()
            prepared.read()
            return settled_bytes()

        before, points = settled_bytes(), []
        for program, inputs in tasks:
            held, after = hold(program, inputs), settled_bytes()
            points.append({"elements": inputs["logits"].size, "heldBytes": held, "afterBytes": after})
        for _ in range(3):
            hold(*tasks[-1])
        memory = {"beforeBytes": before, "points": points, "repeatedBytes": settled_bytes()}
        return {"type": "held", "memory": memory, **finished(start, start, now())}

    def steps(self, request):
        """The same as `runSteps` in packages/measure/src/steps.ts."""
        prepare = getattr(self.runtime, "prepare_step", None)
        if prepare is None:
            return {"type": "unsupported", "reason": f"networks are not run on {self.runtime.info['engine']['name']} yet"}
        programs, start = request["programs"], now()
        inputs = arrays.allocate(programs[0])
        arrays.read_inputs(inputs, 0)
        steps = [prepare(program, inputs) for program in programs]
        for step in steps:
            step()
        compiled = now()
        samples, results = [[] for _ in steps], []
        for number in range(request["sets"]):
            arrays.read_inputs(inputs, number)
            computed = {}
            for index in range(len(steps)) if number % 2 == 0 else reversed(range(len(steps))):
                begun = now()
                computed[index] = steps[index]()
                samples[index].append(now() - begun)
            results += [array for index in range(len(steps)) for array in computed[index]]
        arrays.write_results(results)
        return {"type": "stepped", "samples": samples, **finished(start, compiled, now())}

    def note(self, request):
        note = self.runtime.notes.get(request["method"])
        return {"note": note} if note else {}


def sample_phases(prepared, sampling):
    """The rules of `samplePhases` in packages/measure/src/compute.ts."""
    limits, slow_ns = sampling["limits"], sampling.get("singleShotAboveNs", float("inf"))
    if sampling["phases"] == "gradient":
        prepared.read()
        return record({"gradient": sample(prepared.gradient, limits["gradient"])})

    def roundtrip():
        start = now()
        prepared.upload()
        uploaded = now()
        prepared.gradient()
        computed = now()
        prepared.read()
        end = now()
        return {"gradient": computed - uploaded, "readback": end - computed, "roundtrip": end - start}

    # The first gradient is slower than the rest, so it takes two slow ones to call a cell slow.
    if roundtrip()["gradient"] > slow_ns:
        slow = [roundtrip()]
        while len(slow) < sampling["singleShots"] and slow[-1]["gradient"] > slow_ns:
            slow.append(roundtrip())
        if all(one["gradient"] > slow_ns for one in slow):
            few = {"steadiness": "untested", "callsPerSample": 1, "settlingNs": 0, "windowsNs": 0}
            return record({name: {**few, "samples": [one[name] for one in slow]} for name in slow[0]})
    sampled = {"gradient": sample(prepared.gradient, limits["gradient"])}
    if sampling["phases"] == "all":
        sampled["forward"] = sample(prepared.forward, limits["other"])
    roundtrips = sample_parts(roundtrip, limits["other"])
    for name in ("readback", "roundtrip"):
        sampled[name] = {**roundtrips, "samples": roundtrips["parts"][name]}
    return record(sampled)


def record(sampled):
    """The samples by phase, and how they came about."""
    phases = ("forward", "gradient", "readback", "roundtrip")
    return {
        "samples": {name: sampled[name]["samples"] if name in sampled else [] for name in phases},
        "sampling": {
            "callsPerSample": {name: one["callsPerSample"] for name, one in sampled.items()},
            "steadiness": {name: one["steadiness"] for name, one in sampled.items()},
            "settlingNs": sampled["gradient"]["settlingNs"],
        },
    }


def failed(error):
    return {"type": "failed", "reason": f"{type(error).__name__}: {error}"}


def finished(start, compiled, end, settling=0):
    spent = {"prepare": compiled - start, "settle": settling, "measure": end - compiled - settling}
    return {"spent": spent, "peakRssBytes": peak_resident_bytes()}


if __name__ == "__main__":
    serve()

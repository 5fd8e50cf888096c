"""This process, its Python and its machine."""

import gc
import os
import platform
import resource
import sys
import time


def this_python():
    return f"Python {platform.python_version()} at {sys.executable}"


def environment_settings(prefixes):
    """What of the environment decides how a runtime allocates and computes; empty where it is all defaults."""
    found = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith(prefixes)]
    return {"environment": " ".join(found)[:1000]} if found else {}


def processor_name():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def since_start_ns():
    """Nanoseconds since this process was started, to a hundredth of a second; 0 where the system does not say."""
    try:
        with open("/proc/self/stat", encoding="utf-8") as stat:
            started = int(stat.read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
        return int(1e9 * max(0, time.clock_gettime(time.CLOCK_BOOTTIME) - started))
    except (OSError, AttributeError):
        return 0


def settled_bytes():
    for _ in range(2):
        gc.collect()
        time.sleep(0.02)
    with open("/proc/self/statm", encoding="utf-8") as sizes:
        return int(sizes.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_resident_bytes():
    """Of this program: what `getrusage` reports begins with the size of the process that started it."""
    try:
        with open("/proc/self/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

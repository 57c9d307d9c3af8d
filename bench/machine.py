"""Where a number was measured: CPU, instruction sets, cores, memory, commit. No names of hosts or people."""

import os
import re
import subprocess

FLAGS = ["avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16"]


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def memory_bytes(pid, field):
    """A line of /proc/PID/status, such as VmHWM (the peak; mapped weights count while resident)."""
    found = re.search(rf"^{field}:\s+(\d+) kB", read(f"/proc/{pid}/status"), re.M)
    return int(found[1]) * 1024 if found else None


def git(*arguments):
    ended = subprocess.run(
        ["git", *arguments], capture_output=True, text=True, cwd=os.path.dirname(__file__) or "."
    )
    return ended.stdout.strip() if ended.returncode == 0 else ""


def facts():
    cpuinfo = read("/proc/cpuinfo")

    def field(name):
        found = re.search(rf"^{name}\s*: (.*)$", cpuinfo, re.M)
        return found[1] if found else "unknown"

    flags = set(field("flags").split())
    memory = re.search(r"MemTotal:\s+(\d+)", read("/proc/meminfo"))
    return {
        "cpu": field("model name"),
        "cores": len(os.sched_getaffinity(0)),
        "flags": [f for f in FLAGS if f in flags],
        "memory_gib": round(int(memory[1]) / 2**20, 1) if memory else None,
        "commit": git("rev-parse", "--short=12", "HEAD") or "unknown",
        "uncommitted_changes": bool(git("status", "--porcelain", "--untracked-files=no")),
    }


def slug(machine):
    """A file name's worth of the machine: amd-epyc-2c-avx512."""
    isa = "avx512" if "avx512f" in machine["flags"] else "avx2" if "avx2" in machine["flags"] else "scalar"
    return re.sub(r"[^a-z0-9]+", "-", f"{machine['cpu']} {machine['cores']}c {isa}".lower()).strip("-")

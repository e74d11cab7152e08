"""Which processes of which machines work together, as the environment says."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from resemul.errors import ConfigError

_TF_CONFIG = "TF_CONFIG"
_JOBS = ("chief", "worker")
_EXAMPLE = (
    '{"cluster": {"worker": ["host1:12000", "host2:12000"]}, "task": {"type": '
    '"worker", "index": 0}}'
)
# Of the processes of a Slurm job; jobs that share a machine should differ.
_FIRST_PORT, _NUM_PORTS = 12_000, 20_000


@dataclass(frozen=True)
class Cluster:
    """The processes of one training; the first of them leads.

    `addresses` are `host:port`, in the same order in every process; `index` is the
    place of this process among them.
    """

    addresses: tuple[str, ...]
    index: int


def find_cluster(environ: Mapping[str, str] = os.environ) -> Cluster:
    """Reads `TF_CONFIG` or, where that is not set, what Slurm tells each task.

    Raises:
        ConfigError: neither is set, or what is set makes no sense.
    """
    if environ.get(_TF_CONFIG):
        return _from_tf_config(environ[_TF_CONFIG])
    if "SLURM_STEP_NODELIST" in environ:
        return _from_slurm(environ)
    raise ConfigError(
        "multi-worker needs to know the other processes: start them by Slurm's srun, "
        f"or set TF_CONFIG for each, such as '{_EXAMPLE}'"
    )


def _from_tf_config(text: str) -> Cluster:
    try:
        content = json.loads(text)
        jobs: dict[str, Any] = content["cluster"]
        job, index = content["task"]["type"], int(content["task"]["index"])
        sizes = {name: len(jobs[name]) for name in _JOBS if name in jobs}
        addresses = [str(address) for name in sizes for address in jobs[name]]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"TF_CONFIG is not like '{_EXAMPLE}' ({type(error).__name__}: {error})"
        ) from error
    others = sorted(set(jobs) - set(_JOBS))
    if others:
        raise ConfigError(
            f"TF_CONFIG has tasks of type {', '.join(others)}; only worker and chief "
            "take part"
        )
    if job not in sizes or not 0 <= index < sizes[job]:
        raise ConfigError(f"TF_CONFIG has no {job} {index} in its cluster")
    if len(set(addresses)) < len(addresses):
        raise ConfigError("TF_CONFIG names the same address twice")
    first = sizes.get("chief", 0) if job == "worker" else 0
    return Cluster(tuple(addresses), first + index)


def _from_slurm(environ: Mapping[str, str]) -> Cluster:
    """One process per task of the step, placed node by node."""
    try:
        hosts = list(expand_hosts(environ["SLURM_STEP_NODELIST"]))
        sizes = list(_expand_sizes(environ["SLURM_STEP_TASKS_PER_NODE"]))
        index = int(environ["SLURM_PROCID"])
        first_port = _FIRST_PORT + int(environ["SLURM_JOB_ID"]) % _NUM_PORTS
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"Slurm's variables make no sense ({error}); start the processes by srun, "
            "or set TF_CONFIG"
        ) from error
    if "cyclic" in environ.get("SLURM_DISTRIBUTION", ""):
        raise ConfigError("tasks must lie node by node: srun --distribution=block")
    addresses = [
        f"{host}:{first_port + number}"
        for host, size in zip(hosts, sizes, strict=False)
        for number in range(size)
    ]
    if len(hosts) != len(sizes) or not 0 <= index < len(addresses):
        raise ConfigError(
            f"Slurm's variables do not fit together: {len(hosts)} hosts, tasks "
            f"{sizes}, this is task {index}; set TF_CONFIG"
        )
    return Cluster(tuple(addresses), index)


def expand_hosts(nodelist: str) -> Iterator[str]:
    """Writes a node list of Slurm out: "n[1-2,07],login" is n1, n2, n07, login."""
    for pattern in re.findall(r"(?:[^,\[\]]|\[[^\]]*\])+", nodelist):
        yield from _expand_brackets(pattern)


def _expand_brackets(pattern: str) -> Iterator[str]:
    prefix, bracket, rest = pattern.partition("[")
    if not bracket:
        yield prefix
        return
    ranges, _, rest = rest.partition("]")
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        for number in range(int(first), int(last or first) + 1):
            for ending in _expand_brackets(rest):
                yield f"{prefix}{number:0{len(first)}d}{ending}"


def _expand_sizes(tasks_per_node: str) -> Iterator[int]:
    """Writes "2(x3),1" out: 2, 2, 2, 1."""
    for part in tasks_per_node.split(","):
        match = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)
        if match is None:
            raise ValueError(f"tasks per node {tasks_per_node!r}")
        yield from [int(match[1])] * int(match[2] or 1)

"""Which processes work together, by the environment."""

import json

import pytest

from resemul.errors import ConfigError
from resemul.runtime.cluster import Cluster, expand_hosts, find_cluster

SLURM = {
    "SLURM_JOB_ID": "40007",
    "SLURM_STEP_NODELIST": "gpu[2,10],login",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2),1",
    "SLURM_PROCID": "3",
}


def _tf_config(job, index, **cluster):
    content = {"cluster": cluster, "task": {"type": job, "index": index}}
    return {"TF_CONFIG": json.dumps(content)}


def test_tf_config_names_the_processes_in_order():
    environ = _tf_config("worker", 1, worker=["a:1", "b:2"])
    assert find_cluster(environ) == Cluster(("a:1", "b:2"), 1)


def test_chief_of_a_tf_config_comes_first():
    cluster = {"worker": ["a:1", "b:2"], "chief": ["c:3"]}
    assert find_cluster(_tf_config("chief", 0, **cluster)).index == 0
    found = find_cluster(_tf_config("worker", 0, **cluster))
    assert found == Cluster(("c:3", "a:1", "b:2"), 1)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "start them by Slurm's srun, or set TF_CONFIG"),
        ({"TF_CONFIG": "{"}, "TF_CONFIG is not like"),
        ({"TF_CONFIG": "{}"}, "KeyError: 'cluster'"),
        (_tf_config("worker", 2, worker=["a:1", "b:2"]), "has no worker 2"),
        (_tf_config("worker", 0, worker=["a:1", "a:1"]), "same address twice"),
        (_tf_config("ps", 0, worker=["a:1"], ps=["b:1"]), "tasks of type ps"),
        ({**SLURM, "SLURM_PROCID": "5"}, "this is task 5"),
        ({**SLURM, "SLURM_STEP_TASKS_PER_NODE": "2"}, "3 hosts, tasks [2]"),
        ({**SLURM, "SLURM_DISTRIBUTION": "cyclic"}, "--distribution=block"),
        ({"SLURM_STEP_NODELIST": "a"}, "SLURM_STEP_TASKS_PER_NODE"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_remedy(environ, message):
    with pytest.raises(ConfigError, match=r"^[^\n]*$") as refusal:
        find_cluster(environ)
    assert message in str(refusal.value)


def test_tasks_of_slurm_lie_node_by_node():
    # Job 40007: ports from 12,000 + 40,007 % 20,000 on.
    nodes = (
        "gpu2:12007",
        "gpu2:12008",
        "gpu10:12007",
        "gpu10:12008",
        "login:12007",
    )
    assert find_cluster(SLURM) == Cluster(nodes, 3)


def test_tf_config_goes_before_slurm():
    environ = {**SLURM, **_tf_config("worker", 0, worker=["a:1"])}
    assert find_cluster(environ).addresses == ("a:1",)


@pytest.mark.parametrize(
    ("nodelist", "hosts"),
    [
        ("login", ["login"]),
        ("n[08-10]", ["n08", "n09", "n10"]),
        ("a[1,3-4]-x,b", ["a1-x", "a3-x", "a4-x", "b"]),
        ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
    ],
)
def test_node_lists_are_written_out(nodelist, hosts):
    assert list(expand_hosts(nodelist)) == hosts

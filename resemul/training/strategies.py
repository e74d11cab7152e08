"""Starting what several devices compute by: TensorFlow's distribution strategies."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import tensorflow as tf

from resemul.configs import DeviceConfig
from resemul.errors import ConfigError, TrainingError
from resemul.runtime.cluster import Cluster, find_cluster

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
# Batch systems may start some processes long after the others.
_WAIT_SECONDS = 1800.0


def start_strategy(config: DeviceConfig) -> tf.distribute.Strategy | None:
    """Returns the strategy that is asked for; None for one device.

    Must come before anything is computed. With several processes, it waits until all of
    them have called it.

    Raises:
        ConfigError: there are not as many devices, the environment does not name the
            processes, or TensorFlow has computed something already.
        TrainingError: the other processes did not come.
    """
    if config.strategy == "one":
        return None
    cluster = find_cluster() if config.strategy == "multi-worker" else None
    gpus = tf.config.list_physical_devices("GPU")
    try:
        if gpus:
            _take_gpus(gpus, config.devices)
        elif cluster is None:
            _divide_cpu(config.devices or 1)
        elif (config.devices or 1) > 1:
            raise ConfigError(
                f"devices {config.devices}, but there is no GPU; start one process for "
                "each part of the CPU instead"
            )
        if cluster is not None:
            return _join(cluster, len(tf.config.get_visible_devices("GPU")))
    except RuntimeError as error:
        raise ConfigError(
            f"strategy {config.strategy} must be started before TensorFlow computes "
            f"anything ({error})"
        ) from error
    devices = tf.config.list_logical_devices("GPU" if gpus else "CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def is_first_process(strategy: tf.distribute.Strategy | None) -> bool:
    """Whether this process leads, or is the only one."""
    resolver = strategy.cluster_resolver if strategy else None
    return not (resolver and resolver.task_id)


def _take_gpus(gpus: list, num_devices: int | None) -> None:
    if num_devices is not None and num_devices > len(gpus):
        raise ConfigError(f"devices {num_devices}, but there are {len(gpus)} GPUs")
    tf.config.set_visible_devices(gpus[:num_devices], "GPU")


def _divide_cpu(num_devices: int) -> None:
    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration() for _ in range(num_devices)]
    )


def _join(cluster: Cluster, num_gpus: int) -> tf.distribute.Strategy:
    logger.info(
        "process %d of %d, at %s: waits for the others",
        cluster.index + 1,
        len(cluster.addresses),
        cluster.addresses[cluster.index],
    )
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
        task_type="worker",
        task_id=cluster.index,
        num_accelerators={"GPU": num_gpus},
        rpc_layer="grpc",
    )
    make = partial(tf.distribute.MultiWorkerMirroredStrategy, cluster_resolver=resolver)
    before = signal.getsignal(signal.SIGTERM)
    try:
        return _in_thread(make)
    finally:
        # TensorFlow took it, to tell all processes of it.
        if threading.current_thread() is threading.main_thread() and before:
            signal.signal(signal.SIGTERM, before)


def _in_thread(make: Callable[[], Result]) -> Result:
    """Calls `make`, which waits for other processes; Ctrl-C ends the wait.

    Raises:
        TrainingError: the others did not come in time.
    """
    results: list[Result | Exception] = []

    def run() -> None:
        try:
            results.append(make())
        except Exception as error:
            results.append(error)

    threading.Thread(target=run, daemon=True).start()
    last = time.monotonic() + _WAIT_SECONDS
    while not results:
        if time.monotonic() > last:
            raise TrainingError(
                f"the other processes did not come within {_WAIT_SECONDS:g} s; start "
                "all of them by the same command, and let them reach each other"
            )
        time.sleep(0.05)
    [result] = results
    if isinstance(result, Exception):
        raise result
    return result

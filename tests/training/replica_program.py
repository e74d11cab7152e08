"""Trains on one device and on two, in one process; prints the losses as JSON.

TensorFlow divides a CPU at its start only, so the tests run this as a program.
"""

import json
import sys
from pathlib import Path

import keras
from small_network import small_network

from resemul.configs import DeviceConfig, Stage, TrainConfig
from resemul.records import RecordSet, read_record_set
from resemul.training.epochs import EpochRunner
from resemul.training.replica_epochs import ReplicaEpochRunner
from resemul.training.replicas import Replicas
from resemul.training.strategies import start_strategy

CASES: dict[str, dict] = {
    "sgd": {},
    "adam": {"coupled_weight_decay": 0.01, "loss_scale": 8.0},
    "bfloat16": {"precision": "mixed_bfloat16"},
}


def losses_of_steps(
    model: keras.Model, records: RecordSet, options: dict, replicas: Replicas | None
) -> list[float]:
    """The loss of each of 20 steps: epochs of one step, so that each is told."""
    config = TrainConfig(batch_size=7, shuffle_buffer=100, steps_per_epoch=1, **options)
    if replicas is None:
        epochs = EpochRunner(model, records, config)
    else:
        epochs = ReplicaEpochRunner(model, records, config, replicas=replicas)
    optimizer = "adam" if options.get("loss_scale") else "sgd"
    epochs.compile(Stage(optimizer, 0.01))
    return [epochs.fit("", (0, number), [])["loss"] for number in range(20)]


def main(data_dir: Path) -> None:
    strategy = start_strategy(DeviceConfig("mirrored", 2))
    records = read_record_set(data_dir)
    replicas = Replicas(strategy, 7)
    found = {"count": replicas.count}
    for name, options in CASES.items():
        both = []
        for used in (None, replicas):
            keras.utils.set_random_seed(0)
            model = small_network(len(records.tags))
            synced = {**options, "sync_batch_norm": True}
            both.append(losses_of_steps(model, records, synced, used))
        found[name] = both
    keras.utils.set_random_seed(0)
    model = small_network(len(records.tags))
    found["each_its_own"] = losses_of_steps(model, records, {}, replicas)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

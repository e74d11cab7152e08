"""What the steps of a training run on: one device, several, several machines."""

from dataclasses import dataclass

from resemul.configs.fields import OptionError, check_options, option

STRATEGIES = ("one", "mirrored", "multi-worker")


@dataclass(frozen=True)
class DeviceConfig:
    """What takes the steps. It decides how fast a run is, not what is computed."""

    strategy: str = option(
        "one",
        help="one device; mirrored: several GPUs of this machine; multi-worker: the "
        "processes that TF_CONFIG or Slurm names, each started by the same command",
        choices=STRATEGIES,
    )
    devices: int | None = option(
        None,
        help="GPUs that this process takes; none: all of them. Without a GPU, mirrored "
        "divides the CPU into as many devices, to try it out",
        minimum=1,
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.strategy == "one" and self.devices is not None:
            raise OptionError(
                "<devices> would have no effect, as the <strategy> is one; choose "
                "mirrored or multi-worker"
            )

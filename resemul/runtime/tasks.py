"""A share of the work, for runs that divide it without knowing of each other."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from resemul.errors import ConfigError

Item = TypeVar("Item")

_SLURM = "SLURM_ARRAY_TASK"
_MAX_NAMED = 10


@dataclass(frozen=True)
class Task:
    """The share of run `number`, from 1, of `count` runs.

    Shares follow from the place in the whole of the work, whatever of it is done. So a
    task that is run again, or with another count, finds what was finished.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ConfigError(
                f"a task is numbered from 1 to how many there are, such as 1/20 and "
                f"20/20, got {self}"
            )

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def pick(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items of this task: the first, and every `count`-th from there."""
        return islice(items, self.number - 1, None, self.count)


@dataclass(frozen=True)
class Share:
    """What of the work a run does: all, the part of a task, or only its end."""

    task: Task | None = None
    # Put together what tasks have done, and do nothing of it.
    is_finish: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether this run does it all, and nobody else is at it."""
        return self.task is None and not self.is_finish

    def pick(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items that are this run's."""
        if self.is_finish:
            return iter(())
        return iter(items) if self.task is None else self.task.pick(items)


WHOLE = Share()


def parse_task(text: str) -> Task:
    """Reads `3/20`.

    Raises:
        ConfigError: that is no task.
    """
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip(), re.ASCII)
    if found is None:
        raise ConfigError(f"a task is such as 3/20, the third of twenty, got {text!r}")
    return Task(int(found[1]), int(found[2]))


def task_of_slurm(environment: Mapping[str, str]) -> Task | None:
    """The task of a Slurm array, wherever it begins and whatever its step.

    Raises:
        ConfigError: the numbers of the array are in no such order.
    """
    if f"{_SLURM}_ID" not in environment or f"{_SLURM}_COUNT" not in environment:
        return None
    try:
        number, first, step, count = (
            int(environment.get(f"{_SLURM}_{name}", default))
            for name, default in (
                ("ID", ""),
                ("MIN", "1"),
                ("STEP", "1"),
                ("COUNT", ""),
            )
        )
        place, rest = divmod(number - first, step)
        if rest or not 0 <= place < count:
            raise ValueError
    except (ValueError, ZeroDivisionError):
        raise ConfigError(
            "the numbers of this Slurm array are not one after the other; say which "
            "part of the work this is: --task I/N, or --task 1/1 for all of it"
        ) from None
    return Task(place + 1, count)


def describe_missing(places: Iterable[int], counts: Iterable[int]) -> str:
    """Says how to get work done that is missing.

    Args:
        places: of the missing items in the whole of the work, from 0.
        counts: how many tasks there were, as they said themselves.
    """
    count = max(counts, default=1)
    if count == 1:
        return "run it without --finish to get them done"
    numbers = sorted({place % count + 1 for place in places})
    shown = [f"--task {Task(number, count)}" for number in numbers[:_MAX_NAMED]]
    rest = len(numbers) - len(shown)
    more = f" and {rest} more" if rest else ""
    return f"run in place of --finish: {', '.join(shown)}{more}"

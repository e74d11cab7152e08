"""Which annotations to read, which tags to keep, how to split the clips."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from resemul.configs.checks import require
from resemul.errors import ConfigError

DATASET_NAMES = ("mtt", "csv", "folders")
SPLIT_RULES = ("directory", "column", "group", "random", "files")
# How a merged tag is called: by the first member in the list of synonyms, or by the
# member whose column comes first in the annotations.
MERGE_NAMES = ("readable", "header")
DEFAULT_RATIO = "8:1:1"


@dataclass(frozen=True)
class ColumnsConfig:
    """Names of the columns of a `csv` data set; None looks for the usual names."""

    path: str | None = None
    clip_id: str | None = None
    # One column of separated tags; without one, every other column is a tag.
    tags: str | None = None
    separator: str | None = None
    split: str | None = None
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class TagsConfig:
    """Which tags to learn; `num_tags` None is 50 for MTT and all for the others.

    `merge` is the name of a preset or a file of synonyms, `file` a file with one tag
    per line. `keep_untagged` None drops the clips without any tag for MTT only.
    """

    num_tags: int | None = None
    file: Path | None = None
    merge: str | None = None
    merge_names: str = "readable"
    keep_untagged: bool | None = None

    def __post_init__(self) -> None:
        require(
            self.num_tags is None or self.num_tags >= 1,
            f"num_tags must be at least 1, got {self.num_tags}",
        )
        require(
            self.num_tags is None or self.file is None,
            "either a number of tags or a list of tags, not both",
        )
        require(
            self.merge_names in MERGE_NAMES,
            f"merge_names must be one of {', '.join(MERGE_NAMES)}, "
            f"got {self.merge_names!r}",
        )


@dataclass(frozen=True)
class SplitConfig:
    """How to split; `rule` None takes the split that the data set comes with.

    `ratio` and `seed` belong to the rules `random` and `group`. `group_column` is a
    column of the annotations, or of `groups_file`: a table with the group of each
    clip, for annotations that have no such column.
    """

    rule: str | None = None
    ratio: str | None = None
    seed: int = 0
    train_list: Path | None = None
    val_list: Path | None = None
    test_list: Path | None = None
    group_column: str | None = None
    groups_file: Path | None = None

    def __post_init__(self) -> None:
        require(
            self.rule is None or self.rule in SPLIT_RULES,
            f"split must be one of {', '.join(SPLIT_RULES)}, got {self.rule!r}",
        )
        require(self.seed >= 0, f"the split's seed must be 0 or more, got {self.seed}")
        if self.rule == "files":
            require(bool(self.lists), "the split 'files' needs a list of clips")
        elif self.rule is not None:
            require(
                not self.lists,
                f"lists of clips go with the split 'files', not {self.rule!r}",
            )
        if self.ratio is not None:
            parse_ratio(self.ratio)

    @property
    def lists(self) -> dict[str, Path]:
        """The files that name the clips of a split, by split."""
        lists = (self.train_list, self.val_list, self.test_list)
        named = zip(("train", "val", "test"), lists, strict=True)
        return {split: path for split, path in named if path is not None}


@dataclass(frozen=True)
class DatasetConfig:
    """Options of `datasets.load_annotations`."""

    dataset: str = "mtt"
    data_dir: Path = Path("./dataset")
    annotations: Path | None = None
    audio_dir: Path | None = None
    skip_missing: bool = False
    columns: ColumnsConfig = field(default_factory=ColumnsConfig)
    tags: TagsConfig = field(default_factory=TagsConfig)
    split: SplitConfig = field(default_factory=SplitConfig)

    def __post_init__(self) -> None:
        require(
            self.dataset in DATASET_NAMES,
            f"dataset must be one of {', '.join(DATASET_NAMES)}, got {self.dataset!r}",
        )
        if self.dataset == "csv":
            require(
                self.annotations is not None,
                "the data set 'csv' needs its table: --annotations FILE",
            )
        else:
            require(
                self.annotations is None,
                f"a table of annotations is for the data set 'csv', not "
                f"{self.dataset!r}",
            )
            # The group may come from a table of its own, for any data set.
            has_columns = self.split.group_column and not self.split.groups_file
            require(
                self.columns == ColumnsConfig() and not has_columns,
                f"names of columns are for the data set 'csv', not {self.dataset!r}",
            )
        if self.dataset == "folders":
            require(
                self.audio_dir is not None,
                "the data set 'folders' needs the folder above its tags: "
                "--audio-dir DIR",
            )
        if self.dataset == "mtt":
            require(
                self.audio_dir is None and not self.skip_missing,
                "the audio of the data set 'mtt' is in <data-dir>/mp3; for another "
                "folder, read its annotations as the data set 'csv'",
            )


def format_ratio(ratio: tuple[Fraction, Fraction, Fraction]) -> str:
    """Writes all three parts: 80:20 is 72:8:20."""
    return ":".join(f"{float(part):.10g}" for part in ratio)


def parse_ratio(ratio: str) -> tuple[Fraction, Fraction, Fraction]:
    """Reads `train:val:test`, such as 13:1:3, or `train:test`, such as 80:20.

    Of `train:test`, a tenth of the training clips becomes the validation split,
    which training needs; the test split is what it says. 80:0:20 has no validation.

    Raises:
        ConfigError: it is neither.
    """
    try:
        parts = [Fraction(part) for part in ratio.replace("/", ":").split(":")]
    except (ValueError, ZeroDivisionError):
        parts = []
    if len(parts) == 2:
        parts = [parts[0] * 9 / 10, parts[0] / 10, parts[1]]
    if len(parts) != 3 or min(parts) < 0 or not sum(parts):
        raise ConfigError(
            f"a ratio is train:val:test, such as 13:1:3, or train:test, such as "
            f"80:20; got {ratio!r}"
        )
    return (parts[0], parts[1], parts[2])

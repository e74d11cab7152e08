"""Which annotations to read, which tags to keep, how to split the clips."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from resemul.configs.checks import require
from resemul.constants import CLIP_SECONDS
from resemul.errors import ConfigError
from resemul.runtime.plugins import is_outside_name

SPLIT_RULES = ("directory", "column", "stratified", "group", "random", "files")
# Rules that draw, by `ratio` and `seed`.
DRAWN_SPLITS = ("stratified", "group", "random")
# How a merged tag is called: by the first member in the list of synonyms, or by the
# member whose column comes first in the annotations.
# Or not at all: each member stays a tag, and has all clips of the others.
MERGE_NAMES = ("readable", "header", "each")
DEFAULT_RATIO = "8:1:1"


@dataclass(frozen=True)
class DatasetEntry:
    """What is known of a kind of data set before its annotations are read.

    `reader` is `module:function`, from a `DatasetConfig` to a `datasets.Collection`;
    the module is imported when the data set is used. The rest are defaults of a
    build: how much of a file is read (None: all), how many whole segments a clip needs
    (0: shorter ones are filled), how many of the most frequent tags are learned (None:
    all), and whether clips without a tag are kept.
    """

    reader: str
    summary: str
    clip_seconds: float | None = None
    min_segments: int = 0
    num_tags: int | None = None
    keep_untagged: bool = True
    needs_annotations: bool = False
    needs_audio_dir: bool = False
    needs_tag_db: bool = False
    # Its audio is inside `data_dir`, where it was downloaded to.
    is_in_data_dir: bool = False


DATASETS: dict[str, DatasetEntry] = {
    "mtt": DatasetEntry(
        "resemul.datasets.mtt:read_collection",
        "MagnaTagATune in <data-dir>",
        clip_seconds=CLIP_SECONDS,
        min_segments=1,
        num_tags=50,
        keep_untagged=False,
        is_in_data_dir=True,
    ),
    "csv": DatasetEntry(
        "resemul.datasets.csv_file:read_collection",
        "a table of paths and tags",
        needs_annotations=True,
    ),
    "folders": DatasetEntry(
        "resemul.datasets.folders:read_collection",
        "a folder of audio files per tag",
        needs_audio_dir=True,
    ),
    "msd": DatasetEntry(
        "resemul.datasets.msd:read_collection",
        "a table of 'resemul msd' and a database of clean tags",
        # The length of 7digital's previews.
        clip_seconds=30.0,
        min_segments=1,
        keep_untagged=False,
        needs_annotations=True,
        needs_tag_db=True,
    ),
}
DEFAULT_DATASET = "mtt"


def dataset_entry(name: str) -> DatasetEntry:
    """The entry of a data set, or what holds for one from outside: `module:object`.

    Raises:
        ConfigError: there is no such data set.
    """
    if name in DATASETS:
        return DATASETS[name]
    require(
        is_outside_name(name),
        f"dataset must be one of {', '.join(DATASETS)}, or module:function of your "
        f"own, got {name!r}",
    )
    return DatasetEntry(name, "from outside")


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
    """Which tags to learn; `num_tags` None is what `DATASETS` says.

    `merge` is the name of a preset, a file of synonyms, or synonyms themselves ("a,b"),
    `file` a file with one tag per line. Tags of `with_tags` are learned too, those of
    `without_tags` are not. `keep_untagged` None is what `DATASETS` says.
    """

    num_tags: int | None = None
    file: Path | None = None
    merge: str | None = None
    merge_names: str = "readable"
    keep_untagged: bool | None = None
    with_tags: tuple[str, ...] = ()
    without_tags: tuple[str, ...] = ()

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

    `ratio` and `seed` belong to the rules that draw, `DRAWN_SPLITS`. `group_column` is
    a column of the annotations, or of `groups_file`: a table with the group of each
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

    dataset: str = DEFAULT_DATASET
    data_dir: Path = Path("./dataset")
    annotations: Path | None = None
    audio_dir: Path | None = None
    skip_missing: bool = False
    # A database of clean tags.
    tag_db: Path | None = None
    # A file with the ids or paths of clips to leave out, one a line.
    excluded: Path | None = None
    columns: ColumnsConfig = field(default_factory=ColumnsConfig)
    tags: TagsConfig = field(default_factory=TagsConfig)
    split: SplitConfig = field(default_factory=SplitConfig)

    def __post_init__(self) -> None:
        entry = self.entry
        if entry.needs_annotations:
            require(
                self.annotations is not None,
                f"the data set {self.dataset!r} needs its table: --annotations FILE",
            )
        if entry.needs_audio_dir:
            require(
                self.audio_dir is not None,
                f"the data set {self.dataset!r} needs its folder: --audio-dir DIR",
            )
        if entry.needs_tag_db:
            require(
                self.tag_db is not None,
                f"the data set {self.dataset!r} needs its tags: --tag-db FILE",
            )
        if self.dataset in DATASETS:
            self._refuse_what_has_no_meaning(entry)

    def _refuse_what_has_no_meaning(self, entry: DatasetEntry) -> None:
        if not entry.needs_annotations:
            require(
                self.annotations is None,
                "a table of annotations is for the data set 'csv', not "
                f"{self.dataset!r}",
            )
            # The group may come from a table of its own, for any data set.
            has_columns = self.split.group_column and not self.split.groups_file
            require(
                self.columns == ColumnsConfig() and not has_columns,
                f"names of columns are for the data set 'csv', not {self.dataset!r}",
            )
        if not entry.needs_tag_db:
            require(
                self.tag_db is None,
                f"a database of tags is for the data set 'msd', not {self.dataset!r}",
            )
        if entry.is_in_data_dir:
            require(
                self.audio_dir is None and not self.skip_missing,
                f"the audio of the data set {self.dataset!r} is in <data-dir>; for "
                "another folder, read its annotations as the data set 'csv'",
            )

    @property
    def entry(self) -> DatasetEntry:
        """What is known of the data set before its annotations are read."""
        return dataset_entry(self.dataset)


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

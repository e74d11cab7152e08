"""Tags written into the songs themselves, and taken back byte for byte.

A plan says what would be written; it is shown before it is carried out. Of every file
the journal has the bytes that it loses before the file is touched.
"""

from resemul.tagging.file_tags.apply import FAILED, UNCHANGED, Outcome, apply_plan
from resemul.tagging.file_tags.journal import (
    GIVEN_UP,
    UNDONE,
    WRITTEN,
    Journal,
    Run,
    data_folder,
    open_journal,
)
from resemul.tagging.file_tags.planning import (
    Change,
    Plan,
    PlannedSong,
    is_plan,
    plan_songs,
    read_plan,
    write_plan,
)
from resemul.tagging.file_tags.recovery import Recovered, recover
from resemul.tagging.file_tags.results import TaggedSong, group_by_song, read_results
from resemul.tagging.file_tags.undo import last_run, require_run, undo_run, undoable
from resemul.tagging.file_tags.vocabulary import published_meanings, read_map
from resemul.tagging.file_tags.write import WriteRules

__all__ = [
    "FAILED",
    "GIVEN_UP",
    "UNCHANGED",
    "UNDONE",
    "WRITTEN",
    "Change",
    "Journal",
    "Outcome",
    "Plan",
    "PlannedSong",
    "Recovered",
    "Run",
    "TaggedSong",
    "WriteRules",
    "apply_plan",
    "data_folder",
    "group_by_song",
    "is_plan",
    "last_run",
    "open_journal",
    "plan_songs",
    "published_meanings",
    "read_map",
    "read_plan",
    "read_results",
    "recover",
    "require_run",
    "undo_run",
    "undoable",
    "write_plan",
]

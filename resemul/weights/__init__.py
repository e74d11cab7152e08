"""Models of other systems, read into ours. Nothing in their files is run."""

from resemul.weights.importing import IMPORTERS, import_weights
from resemul.weights.tags import TAG_PRESETS, read_tags

__all__ = ["IMPORTERS", "TAG_PRESETS", "import_weights", "read_tags"]

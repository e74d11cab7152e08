"""A card, and ways to meddle with one on disk."""

import json
from pathlib import Path

from resemul.checkpoints.card import ModelCard, card_path
from resemul.runtime.files import file_sha256

OPTIONS = {"num_samples": 32_512, "channels": 1}
CARD = ModelCard(
    model="short_chunk_cnn",
    options=OPTIONS,
    tags=["low", "high", "loud"],
    sample_rate=16_000,
    num_samples=32_512,
    scores={"val_loss": 0.5},
    seed=7,
)


def change_card(path: Path, **changes) -> None:
    """Rewrites fields of a card, as anybody could."""
    content = json.loads(card_path(path).read_text()) | changes
    card_path(path).write_text(json.dumps(content))


def vouch_for(path: Path) -> None:
    """Writes the hash of a changed model file into its card."""
    change_card(path, sha256=file_sha256(path))

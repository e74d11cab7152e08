"""The orders in which published models have their tags; the files do not say."""

from pathlib import Path

from resemul.datasets.tags import MTT_TOP_50
from resemul.errors import ConfigError

# Million Song Dataset: the 50 most frequent Last.fm tags.
# https://github.com/jongpillee/music_dataset_split, MSD_split/50tagList.txt
MSD_TOP_50 = (
    "rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance",
    "00s", "alternative rock", "jazz", "beautiful", "metal", "chillout",
    "male vocalists", "classic rock", "soul", "indie rock", "Mellow", "electronica",
    "80s", "folk", "90s", "chill", "instrumental", "punk", "oldies", "blues",
    "hard rock", "ambient", "acoustic", "experimental", "female vocalist", "guitar",
    "Hip-Hop", "70s", "party", "country", "easy listening", "sexy", "catchy", "funk",
    "electro", "heavy metal", "Progressive rock", "60s", "rnb", "indie pop", "sad",
    "House", "happy",
)  # fmt: skip

# MTG-Jamendo: the 50 tags of its "top 50" split, in the order of scikit-learn's
# LabelBinarizer.
JAMENDO_TOP_50 = (
    *(
        f"genre---{name}"
        for name in (
            "alternative", "ambient", "atmospheric", "chillout", "classical", "dance",
            "downtempo", "easylistening", "electronic", "experimental", "folk", "funk",
            "hiphop", "house", "indie", "instrumentalpop", "jazz", "lounge", "metal",
            "newage", "orchestral", "pop", "popfolk", "poprock", "reggae", "rock",
            "soundtrack", "techno", "trance", "triphop", "world",
        )
    ),
    *(
        f"instrument---{name}"
        for name in (
            "acousticguitar", "bass", "computer", "drummachine", "drums",
            "electricguitar", "electricpiano", "guitar", "keyboard", "piano",
            "strings", "synthesizer", "violin", "voice",
        )
    ),
    *(
        f"mood/theme---{name}"
        for name in ("emotional", "energetic", "film", "happy", "relaxing")
    ),
)  # fmt: skip

TAG_PRESETS: dict[str, tuple[str, ...]] = {
    "mtt": MTT_TOP_50,
    # Most frequent first: how the PyTorch models of Won et al. have them.
    "mtt-reversed": MTT_TOP_50[::-1],
    "msd": MSD_TOP_50,
    "jamendo": JAMENDO_TOP_50,
}
_MAX_BYTES = 1 << 20


def read_tags(preset_or_path: str) -> tuple[str, ...]:
    """Returns the tags of a preset, or of a text file with one tag per line.

    Empty lines, and those that begin with "#", are left out.

    Raises:
        ConfigError: it is neither, or the file has no tags or has one twice.
    """
    if preset_or_path in TAG_PRESETS:
        return TAG_PRESETS[preset_or_path]
    path = Path(preset_or_path)
    if not path.is_file():
        raise ConfigError(
            f"tags must be one of {', '.join(TAG_PRESETS)}, or a text file with one "
            f"tag per line; there is no file {preset_or_path!r}"
        )
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{path} is too large for a list of tags")
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as UTF-8 text: {error}") from error
    stripped = (line.strip() for line in lines)
    tags = tuple(line for line in stripped if line and not line.startswith("#"))
    if not tags or len(set(tags)) != len(tags):
        raise ConfigError(
            f"{path} must hold tags, one per line, and none of them twice"
        )
    return tags

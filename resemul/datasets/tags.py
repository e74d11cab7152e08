"""Which tags to learn, and in which order."""

import pandas as pd

# The 50 most frequent MTT tags, rarest first: the label order of the published
# models. Three pairs tie (metal and female voice with 505 clips, female vocal and
# male voice with 644, pop and no vocal with 995); their order came from an unstable
# sort, so it cannot be computed.
MTT_TOP_50 = (
    "choral", "female voice", "metal", "country", "weird", "no voice", "cello",
    "harp", "beats", "female vocal", "male voice", "dance", "new age", "voice",
    "choir", "classic", "man", "solo", "sitar", "soft", "pop", "no vocal",
    "male vocal", "woman", "flute", "quiet", "loud", "harpsichord", "no vocals",
    "vocals", "singing", "male", "opera", "indian", "female", "synth", "vocal",
    "violin", "beat", "ambient", "piano", "fast", "rock", "electronic", "drums",
    "strings", "techno", "slow", "classical", "guitar",
)  # fmt: skip


def top_tags(labels: pd.DataFrame, num_tags: int) -> tuple[str, ...]:
    """Returns the `num_tags` most frequent tags, rarest first.

    `labels` has one column per tag, with 0 or 1. Of tags that are equally frequent
    the one later in the alphabet comes first.
    """
    counts = labels.sum()
    by_frequency = sorted(counts.index, key=lambda tag: (-counts[tag], tag))
    return tuple(by_frequency[:num_tags][::-1])

"""Where each model was published, and how well it did there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A model's paper, and the score to compare a training of it with.

    `roc_auc` is the mean over the tags, None where we know of no number. Scores of
    different `data` say nothing about each other.
    """

    paper: str
    url: str
    roc_auc: float | None
    data: str = ""


_MTT = "MTT, 50 tags, split by folder"
_MSD = "MSD, 50 Last.fm tags, own split, all labels pooled"
_CHOI = "Choi et al., ISMIR 2016"
_CHOI_URL = "https://arxiv.org/abs/1606.00298"
_WON = "Won et al., SMC 2020"
_WON_URL = "https://arxiv.org/abs/2006.00751"
_PONS = "Pons et al., ISMIR 2018"
_PONS_URL = "https://arxiv.org/abs/1711.02520"

# Keys as in `models.MODELS`. The score is that of the system this package follows,
# which is not always the paper's.
PUBLISHED: dict[str, Published] = {
    "sample_cnn": Published(
        "Kim et al., ICASSP 2018", "https://arxiv.org/abs/1710.10451", 0.9111, _MTT
    ),
    "fcn4": Published(
        _CHOI, _CHOI_URL, 0.9099, "MTT, 50 tags, random split (MindSpore's port)"
    ),
    "fcn5": Published(_CHOI, _CHOI_URL, 0.9002, _MTT),
    "short_chunk_cnn": Published(_WON, _WON_URL, None),
    "short_chunk_cnn_res": Published(_WON, _WON_URL, 0.9129, _MTT),
    "won_sample_cnn": Published(
        "Lee et al., SMC 2017", "https://arxiv.org/abs/1703.01789", None
    ),
    "won_sample_cnn_se": Published(_WON, _WON_URL, 0.9104, _MTT),
    "multi_scale_cnn": Published(
        "Dabral et al., AISC 2018",
        "https://doi.org/10.1007/978-981-13-1592-3_60",
        0.9094,
        "MTT, 50 merged tags, random split",
    ),
    "pons_waveform": Published(_PONS, _PONS_URL, 0.8696, _MSD),
    "pons_log_mel": Published(_PONS, _PONS_URL, 0.8768, _MSD),
}

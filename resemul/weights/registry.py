"""The published weights: where they are, what they are, and on what terms."""

from dataclasses import dataclass

_BENCHMARK = (
    "https://raw.githubusercontent.com/philtgun/music-tagging-benchmark/"
    "723f2cbef18e25f29e0f7b18a6695d2798ee3aea/models"
)

_ORIGINAL_LICENCE = "none stated with the weights or the code (tae-jun/resemul)"
_BENCHMARK_LICENCE = (
    "none stated with the weights (philtgun/music-tagging-benchmark); trained with "
    "minzwon/sota-music-tagging-models, which is MIT"
)

# What the sets ask of those who use them; a model trained on one is derived from it.
DATA_TERMS = {
    "mtt": "MagnaTagATune: CC BY-NC-SA 3.0, for non-commercial research",
    "msd": "Million Song Dataset with tags of Last.fm: for non-commercial research",
    "jamendo": "MTG-Jamendo: music under Creative Commons licences that differ by "
    "track, metadata under CC BY-NC-SA 4.0, for non-commercial research",
}


@dataclass(frozen=True)
class Pretrained:
    """Weights that someone published.

    `sha256` and `git_blob` (SHA-1 as git computes it for a file) are None where they
    are not known. `roc_auc` is the published macro score on the test split.
    """

    name: str
    url: str
    file_name: str
    model: str
    dataset: str
    tag_preset: str
    licence: str
    sha256: str | None = None
    git_blob: str | None = None
    roc_auc: float | None = None

    @property
    def has_hash(self) -> bool:
        """Is it known which bytes the file should have?"""
        return self.sha256 is not None or self.git_blob is not None

    @property
    def data_terms(self) -> str:
        """What the data that the model was trained on may be used for."""
        return DATA_TERMS[self.dataset]


def _original(name: str, url: str, roc_auc: float) -> Pretrained:
    return Pretrained(
        name=name,
        url=url,
        file_name=f"{name}.hdf5",
        model="sample_cnn",
        dataset="mtt",
        tag_preset="mtt",
        licence=_ORIGINAL_LICENCE,
        roc_auc=roc_auc,
    )


def _benchmark(
    name: str,
    folder: str,
    model: str,
    git_blob: str,
    roc_auc: float | None = None,
    sha256: str | None = None,
) -> Pretrained:
    data = folder.partition("/")[0]
    return Pretrained(
        name=name,
        url=f"{_BENCHMARK}/{folder}/best_model.pth",
        file_name=f"{name}.pth",
        model=model,
        dataset="mtt" if data == "mtat" else data,
        tag_preset="mtt-reversed" if data == "mtat" else data,
        licence=_BENCHMARK_LICENCE,
        sha256=sha256,
        git_blob=git_blob,
        roc_auc=roc_auc,
    )


PRETRAINED: dict[str, Pretrained] = {
    entry.name: entry
    for entry in (
        _original(
            "se-multi",
            "https://www.dropbox.com/s/r8qlxbol2p4ods5/"
            "se-multi-auc_0.9111-tfrmodel.hdf5?dl=1",
            0.9111,
        ),
        _original(
            "rese-multi",
            "https://www.dropbox.com/s/fr3y1o3hyha0n2m/"
            "rese-multi-auc_0.9113-tfrmodel.hdf5?dl=1",
            0.9113,
        ),
        _benchmark(
            "fcn-mtat",
            "mtat/fcn",
            "fcn5",
            "63e534f59bea8316a4c4422f1a821335b4ee89ed",
            0.9002,
            "3bfc67e43f3e180194ab5993c947ffbf44b1a23dcdf42c374b1ced9d4d4de72e",
        ),
        _benchmark(
            "fcn-msd",
            "msd/fcn",
            "fcn5",
            "10e77ca885b1f0f771274baaf2b1867a72a08083",
            0.8741,
            "6012aa7eecf864a8081faedca56af054521e8dfb9c5c98659a3dd5d3e1e66f21",
        ),
        _benchmark(
            "fcn-jamendo",
            "jamendo/fcn",
            "fcn5",
            "d236c42b7757a5d7fd28535ec6a620ed78049901",
            0.8253,
            "7bce08a66dbc70d096b0a330f44b4cacd9aa25519b83489fbb98f2164a194e2b",
        ),
        _benchmark(
            "samplecnn-se-mtat",
            "mtat/se",
            "won_sample_cnn_se",
            "ba0c93bdf8350768c3bfa6cd6d96a8761cf15400",
            0.9104,
        ),
        _benchmark(
            "samplecnn-se-msd",
            "msd/se",
            "won_sample_cnn_se",
            "7d5eca8d6a5d47631126042c3d40d7dcf6a9a451",
            0.8836,
        ),
        _benchmark(
            "samplecnn-se-jamendo",
            "jamendo/se",
            "won_sample_cnn_se",
            "a4b55509c3af0558c02723322f3aab5122ae8d14",
            0.8224,
        ),
        _benchmark(
            "samplecnn-msd",
            "msd/sample",
            "won_sample_cnn",
            "3888125187cd62bff2ec7f6763b474b916407d95",
        ),
        _benchmark(
            "samplecnn-jamendo",
            "jamendo/sample",
            "won_sample_cnn",
            "db5bedf34a0ea6500d95e254a43a203a185cec06",
        ),
    )
}


def find_published(sha256: str, git_blob: str) -> Pretrained | None:
    """Returns the entry that a file with these hashes is, if it is one."""
    for entry in PRETRAINED.values():
        if sha256 == entry.sha256 or git_blob == entry.git_blob:
            return entry
    return None

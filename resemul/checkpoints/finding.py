"""What a name of a model stands for. Needs no Keras, so that a typo is told at once."""

from difflib import get_close_matches
from pathlib import Path

from resemul.errors import WeightsError
from resemul.weights.registry import PRETRAINED


def published_name(name_or_path: str | Path) -> str | None:
    """The name of a published model; None if a file is meant.

    A file is meant if there is one.

    Raises:
        WeightsError: there is neither.
    """
    path, name = Path(name_or_path), str(name_or_path)
    if path.is_file():
        return None
    if name in PRETRAINED:
        return name
    if path.exists():
        raise WeightsError(f"{path} is no file; name the model file itself")
    near = get_close_matches(name, PRETRAINED, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise WeightsError(
        f"{name} does not exist, and no published model has that name{hint} "
        "('resemul pretrained list' shows what there is)"
    )

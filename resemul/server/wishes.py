"""What a client may ask for beside its files, in the query or in fields of the form."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from resemul.configs.tagging import ShowConfig
from resemul.errors import ConfigError
from resemul.server.problems import Problem
from resemul.tagging.tagger import Tagger


class Wishes(BaseModel):
    """Options of `POST /tag`."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(
        None, description="names of models, separated by commas; all if none is named"
    )
    top_k: int | None = Field(
        None, ge=1, description="only so many tags of a file and model"
    )
    threshold: str | None = Field(
        None, description="only tags at least this probable: a number, or 'fitted'"
    )
    timeline: bool = Field(False, description="scores along time, too")
    hop: float | None = Field(
        None,
        ge=0.1,
        le=3600,
        description="seconds from one segment to the next, if not the model's own",
    )
    embeddings: bool = Field(False, description="the layer before the tags, too")
    peaks: bool = Field(False, description="lowest and highest samples along time, too")
    response_format: Literal["json", "csv", "audacity"] = Field(
        "json", description="audacity: labels of one file; needs a threshold"
    )
    format: Literal["hf"] | None = Field(
        None, description="hf: a list of label and score, as Hugging Face has it"
    )
    background: bool = Field(
        False, description="answer at once with a job (202), not with its result"
    )

    def names(self, taggers: Mapping[str, Tagger]) -> tuple[str, ...]:
        """The models that are asked for.

        Raises:
            Problem: one of them is not served here.
        """
        given = [name.strip() for name in (self.model or "").split(",")]
        names = tuple(dict.fromkeys(name for name in given if name)) or tuple(taggers)
        for name in names:
            if name not in taggers:
                served = ", ".join(taggers)
                raise Problem(422, f"There is no model {name!r} here, only {served}.")
        return names

    def show(self, taggers: Mapping[str, Tagger]) -> ShowConfig:
        """Which tags are shown.

        Raises:
            Problem: the threshold is none, or a model has none.
        """
        try:
            show = ShowConfig(top_k=self.top_k, threshold=self.threshold)
            if show.threshold == "fitted":
                for name in self.names(taggers):
                    _ = taggers[name].thresholds
        except ConfigError as error:
            raise Problem(422, f"{error}.") from error
        if self.response_format == "audacity" and self.threshold is None:
            raise Problem(422, "Labels for Audacity need a threshold.")
        return show

    def with_fields(self, fields: dict[str, Any]) -> "Wishes":
        """These, and what the fields of a form say.

        Raises:
            Problem: there is no such option, or it has no such value.
        """
        try:
            return Wishes(**{**self.model_dump(exclude_unset=True), **fields})
        except ValidationError as error:
            raise Problem(422, complaint(error.errors()[0])) from error


def complaint(error: Mapping[str, Any]) -> str:
    """One sentence about the first thing that pydantic found."""
    name = ".".join(str(part) for part in error["loc"] if part not in ("query", "body"))
    return f"{name}: {error['msg']}."

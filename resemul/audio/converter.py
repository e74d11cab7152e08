"""Decoded frames of one format in, mono samples at the model's rate out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from resemul.configs.audio import AudioConfig

if TYPE_CHECKING:
    import av
    import av.filter

# Options of FFmpeg's aresample for each name in RESAMPLERS.
_RESAMPLER_OPTIONS = {"swr": "", "swr-long": ":filter_size=128:cutoff=0.9475"}

# For more channels FFmpeg knows no usual place of the speakers, so it cannot mix.
_MAX_PLACED_CHANNELS = 8

# Sample format, layout and rate: what a converter is made for.
FrameFormat = tuple[str, str, int]


class Converter:
    """Mixes and resamples frames of one format.

    FFmpeg does all of it in one go, as its program does, so `mix="ffmpeg"` and
    `resampler="swr"` give the samples of the published system, bit for bit. The mean
    of channels is taken of floats, before resampling: half the work for stereo.
    """

    def __init__(self, frame: "av.AudioFrame", audio: AudioConfig) -> None:
        self.format = format_of(frame)
        self._graph = _build_graph(frame, audio)

    def convert(self, frames: "Sequence[av.AudioFrame | None]") -> list[np.ndarray]:
        """Returns what is ready, each float32 `(n,)`; None as last frame: all the rest.

        Several frames at once are faster: asking for what is not there yet is costly.
        """
        import av

        for frame in frames:
            self._graph.push(frame)
        ready: list[np.ndarray] = []
        while True:
            try:
                converted: Any = self._graph.pull()
            except (av.error.BlockingIOError, EOFError):  # no more yet, or no more
                return ready
            if converted.samples:
                ready.append(converted.to_ndarray()[0])


class PlainConverter:
    """The same of frames that need no more than the mean of their channels.

    FFmpeg's filters take as long as the decoding of an mp3.
    """

    def __init__(self, frame: "av.AudioFrame") -> None:
        self.format = format_of(frame)

    def convert(self, frames: "Sequence[av.AudioFrame | None]") -> list[np.ndarray]:
        """Returns all samples as one array, float32 `(n,)`; None says nothing here."""
        parts = [
            [_floats(plane, frame.samples) for plane in frame.planes]
            for frame in frames
            if frame is not None
        ]
        if not parts:
            return []
        channels = [np.concatenate(channel) for channel in zip(*parts, strict=True)]
        if len(channels) == 1:
            return channels
        share = np.float32(1 / len(channels))
        return [np.sum([channel * share for channel in channels], axis=0)]


def _floats(plane: Any, num_samples: int) -> np.ndarray:
    return np.frombuffer(plane, "f4", num_samples)


def make_converter(
    frame: "av.AudioFrame", audio: AudioConfig
) -> "Converter | PlainConverter":
    """What converts a frame, and all others of its format."""
    is_plain = frame.format.name == "fltp" and frame.sample_rate == audio.sample_rate
    is_mean = audio.mix == "mean" or len(frame.layout.channels) == 1
    return PlainConverter(frame) if is_plain and is_mean else Converter(frame, audio)


def format_of(frame: "av.AudioFrame") -> FrameFormat:
    """The format that a converter of this frame takes."""
    return frame.format.name, frame.layout.name, frame.sample_rate


def _build_graph(frame: "av.AudioFrame", audio: AudioConfig) -> "av.filter.Graph":
    import av.filter

    sample_format, layout, rate = format_of(frame)
    time_base = {} if frame.time_base is None else {"time_base": str(frame.time_base)}
    graph = av.filter.Graph()
    nodes = [
        graph.add(
            "abuffer",
            sample_rate=str(rate),
            sample_fmt=sample_format,
            channel_layout=layout,
            **time_base,
        )
    ]
    num_channels = len(frame.layout.channels)
    if num_channels > 1 and (
        audio.mix == "mean" or num_channels > _MAX_PLACED_CHANNELS
    ):
        # As floats, else the mean of integers is rounded to an integer.
        nodes.append(graph.add("aformat", sample_fmts="fltp"))
        nodes.append(graph.add("pan", _mean_of(num_channels)))
    options = _RESAMPLER_OPTIONS[audio.resampler]
    if options:
        nodes.append(graph.add("aresample", f"{audio.sample_rate}{options}"))
    nodes.append(
        graph.add(
            "aformat",
            sample_rates=str(audio.sample_rate),
            sample_fmts="flt",
            channel_layouts="mono",
        )
    )
    graph.link_nodes(*nodes, graph.add("abuffersink")).configure()
    return graph


def _mean_of(num_channels: int) -> str:
    """Arguments of FFmpeg's pan filter."""
    share = repr(1 / num_channels)
    return "mono|c0=" + "+".join(f"{share}*c{i}" for i in range(num_channels))

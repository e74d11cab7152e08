"""`python -m benchmarks [STAGE ...]`: times the stages, prints and keeps the tables."""

import argparse
import datetime
import os
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    building,
    networks,
    reading,
    runtimes,
    serving,
    silence,
    starting,
    tagging,
    untrained,
)
from benchmarks.harness import Measurement, Variant, measure
from benchmarks.machine import PEAK_FLOP, describe, forward_flop, peak_variants
from benchmarks.table import Stage, render

README = Path(__file__).with_name("README.md")
# What is below such a line in the README, up to the next, is written by this program.
MARKER = "<!-- results: {} -->"
# Instruction sets that every library is held to, by its own means. What a cap cannot
# imitate: the clock, caches and memory of an older processor, and TensorFlow's own
# kernels, which know no cap.
CAPS = {
    "native": {},
    "avx2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
}

STAGES = (
    "train",
    "predict",
    "build",
    "input",
    "silence",
    "tag",
    "serve",
    "runtimes",
    "start",
)


def build_parser() -> argparse.ArgumentParser:
    """Stages to run, and how."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "stages",
        nargs="*",
        metavar="STAGE",
        help=f"of {', '.join(STAGES)}; all if none",
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each variant")
    parser.add_argument("--batch-size", type=int, default=23, help="segments")
    parser.add_argument(
        "--backends",
        default="tensorflow",
        help="of Keras, separated by commas: tensorflow, jax, torch",
    )
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="variants with this in their name"
    )
    parser.add_argument(
        "--isa",
        choices=CAPS,
        default="native",
        help="instruction set that oneDNN, PyTorch and MKL may use",
    )
    parser.add_argument(
        "--write", action="store_true", help=f"put the tables into {README.name}"
    )
    return parser


def main() -> None:
    """Runs the stages one after the other."""
    args = build_parser().parse_args()
    # TensorFlow's C++ side says at length what it found; warnings remain.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    os.environ.update(CAPS[args.isa])
    started = time.monotonic()
    parts = [_describe_machine(args.isa)]
    for name in args.stages or STAGES:
        if name not in STAGES:
            raise SystemExit(f"{name!r} is no stage; stages are {', '.join(STAGES)}")
        part = _RUNNERS[name](args)
        print(part, flush=True)
        parts.append(part)
    parts.append(f"Took {(time.monotonic() - started) / 60:.1f} minutes.\n")
    print(parts[0], parts[-1], sep="\n")
    if args.write:
        text = replace_section(README.read_text("utf-8"), args.isa, "\n".join(parts))
        README.write_text(text, "utf-8")


def replace_section(text: str, isa: str, content: str) -> str:
    """The README with other results for an instruction set; they may be its first."""
    head, marker, rest = text.partition(MARKER.format(isa))
    _, next_marker, after = rest.partition(MARKER.partition("{")[0])
    marker = marker or MARKER.format(isa)
    return f"{head.rstrip()}\n\n{marker}\n\n{content.strip()}\n" + (
        f"\n{next_marker}{after}" if next_marker else ""
    )


def _describe_machine(isa: str) -> str:
    today = datetime.datetime.now(datetime.UTC).date()
    facts = dict(describe())
    if CAPS[isa]:
        facts["held to"] = f"{isa}, by " + ", ".join(f"`{n}`" for n in CAPS[isa])
    lines = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    return f"## Results of {today}, {isa}\n\n{lines}\n"


def _run(args: argparse.Namespace, variants: list[Variant]) -> list[Measurement]:
    chosen = [v for v in variants if args.only in v.name or "matrix" in v.name]
    return measure(chosen, args.rounds)


def _run_network(
    args: argparse.Namespace, variants: list[Variant], stage: Stage
) -> str:
    measurements = _run(args, [*variants, *peak_variants()])
    products = measurements[-2:]
    # The best of a busy machine is nearest to what the processor can do.
    peaks = {
        dtype: PEAK_FLOP / product.spread[0]
        for dtype, product in zip(("float32", "bfloat16"), products, strict=True)
    }
    lines = ", ".join(f"{peak / 1e9:.0f} GFLOP/s in {n}" for n, peak in peaks.items())
    note = f"Matrix product, in the same run: {lines}.\n"
    return render(stage, measurements[:-2], peaks) + "\n" + note


def _train(args: argparse.Namespace) -> str:
    variants = networks.training_variants(args.batch_size, args.backends.split(","))
    title = f"Training step, SE + multi, batch {args.batch_size}"
    flop = 3 * forward_flop() * args.batch_size
    return _run_network(args, variants, Stage(title, "segments", args.batch_size, flop))


def _predict(args: argparse.Namespace) -> str:
    variants = networks.prediction_variants(args.batch_size, args.backends.split(","))
    title = f"Prediction, SE + multi, batch {args.batch_size}"
    flop = forward_flop() * args.batch_size
    return _run_network(args, variants, Stage(title, "segments", args.batch_size, flop))


def _build(args: argparse.Namespace) -> str:
    title = f"Build, {building.NUM_CLIPS} clips of 29 s, one process"
    measurements = _run(args, building.variants())
    return render(Stage(title, "clips", building.NUM_CLIPS), measurements, {})


def _input(args: argparse.Namespace) -> str:
    variants = {
        f"Input pipeline, {name}, {reading.NUM_SEGMENTS} segments": (
            reading.variants(name),
            reading.NUM_SEGMENTS,
        )
        for name in reading.ENCODINGS
    }
    title = f"Straight from audio, {reading.NUM_SEGMENTS_FROM_AUDIO} segments"
    variants[title] = reading.audio_variants(), reading.NUM_SEGMENTS_FROM_AUDIO
    return "\n".join(
        render(Stage(title, "segments", amount), _run(args, those), {})
        for title, (those, amount) in variants.items()
    )


def _silence(args: argparse.Namespace) -> str:
    title = f"Silence, {silence.NUM_FILES} previews of 30 s, one process"
    measurements = _run(args, silence.variants())
    return render(Stage(title, "files", silence.NUM_FILES), measurements, {})


def _tag(args: argparse.Namespace) -> str:
    untrained.export_all(list(tagging.MODELS))
    ways = tagging.ways()
    variants = [way.variant for way in ways]
    *measurements, product = _run(args, [*variants, peak_variants()[0]])
    return tagging.render(ways, measurements, product)


def _serve(args: argparse.Namespace) -> str:
    untrained.export_all([serving.MODEL])
    parts = []
    if args.only in "load":
        with serving.serving() as server:
            loads = serving.measure_loads(server, args.rounds)
            parts.append(serving.render_loads(loads, server.peaks()))
    if args.only in "memory":
        with serving.serving() as server:
            started = time.monotonic()
            looks = serving.measure_memory(server)
            parts.append(serving.render_memory(looks, time.monotonic() - started))
    return "\n".join(parts)


def _runtimes(args: argparse.Namespace) -> str:
    from resemul.models import MODELS

    names = [name for name in MODELS if args.only in name]
    return runtimes.render(runtimes.measure_all(names, args.rounds))


def _start(args: argparse.Namespace) -> str:
    measurements = _run(args, starting.variants())
    return render(Stage("Start-up", "runs", 1), measurements, {})


_RUNNERS: dict[str, Callable[[argparse.Namespace], str]] = {
    "train": _train,
    "predict": _predict,
    "build": _build,
    "input": _input,
    "silence": _silence,
    "tag": _tag,
    "serve": _serve,
    "runtimes": _runtimes,
    "start": _start,
}

if __name__ == "__main__":
    main()

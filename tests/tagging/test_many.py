"""Many files: batches across them, decoders that hang or die, order, memory."""

import dataclasses

import numpy as np
import pytest
from loudness import (
    NUM_SAMPLES,
    DeadlyListening,
    HangingListening,
    LoudnessRuntime,
    constant,
    wav_of,
)

from resemul.configs.tagging import LibraryConfig
from resemul.tagging.decoding import DecodeJob, DecodersAhead, Lost, SpareDecoders
from resemul.tagging.listening import Heard, Piece
from resemul.tagging.many import tag_many
from resemul.tagging.tagger import Tagger

ONE_WORKER = LibraryConfig(num_workers=1)


@pytest.fixture
def paths(tmp_path):
    """Nine songs of 1 to 9 segments, the fifth broken."""
    paths = []
    for number in range(1, 10):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(wav_of(constant(number / 100, number * NUM_SAMPLES)))
        paths.append(str(path))
    (tmp_path / "5.wav").write_bytes(b"no audio")
    return paths


@pytest.mark.parametrize("num_workers", [1, 3])
def test_results_are_those_of_each_file_alone_in_the_order_of_the_paths(
    tagger, paths, num_workers
):
    results = list(tag_many([tagger], paths, LibraryConfig(num_workers=num_workers)))
    assert [result.path for [result] in results] == paths
    for [found], expected in zip(results, tagger(paths), strict=True):
        assert (found.status, found.error) == (expected.status, expected.error)
        np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-6)


def test_models_that_hear_alike_share_the_decoding_and_others_do_not(paths):
    runtimes = [
        LoudnessRuntime(),
        LoudnessRuntime(tags=("a", "b", "c")),
        LoudnessRuntime(sample_rate=8_000),
    ]
    taggers = [Tagger(runtime) for runtime in runtimes]
    [results] = tag_many(taggers, paths[-1:], ONE_WORKER)
    assert [len(result.tags) for result in results] == [2, 3, 2]
    assert [len(result.timeline.starts) for result in results] == [9, 9, 5]


def test_embeddings_and_envelopes_come_if_they_are_asked_for(tagger, paths):
    [[plain]] = tag_many([tagger], paths[8:], ONE_WORKER)
    assert plain.embeddings is None
    assert plain.envelope is None
    [[full]] = tag_many(
        [tagger], paths[8:], ONE_WORKER, with_embeddings=True, with_envelope=True
    )
    assert full.embeddings.shape == (9, 2)
    # 2.25 s
    np.testing.assert_allclose(full.envelope, np.full((23, 2), 0.09), rtol=1e-6)


def decode(jobs, timeout=60.0):
    with DecodersAhead(jobs, 1, timeout) as decoders:
        return [(job.number, item) for job, item in decoders]


def test_a_decoder_that_hangs_costs_its_file_only(tagger, paths):
    listening = tagger.listening
    hanging = HangingListening(**vars(listening))
    jobs = [DecodeJob(0, paths[0], hanging), DecodeJob(1, paths[1], listening)]
    items = decode(jobs, timeout=1.5)
    assert [number for number, _ in items] == [0, 1, 1]
    assert isinstance(items[0][1], Lost)
    assert "1.wav was given up: its decoder gave nothing for 1.5 s" in items[0][1].error
    assert isinstance(items[2][1], Heard)


def test_a_decoder_that_dies_costs_its_file_only(tagger, paths):
    listening = tagger.listening
    deadly = DeadlyListening(**vars(listening))
    jobs = [DecodeJob(0, paths[0], deadly), DecodeJob(1, paths[1], listening)]
    items = decode(jobs)
    assert "1.wav ended its decoder (SIGKILL: out of memory?)" in items[0][1].error
    assert isinstance(items[1][1], Piece)


def test_leaving_early_ends_the_decoders(tagger, paths):
    jobs = [DecodeJob(i, path, tagger.listening) for i, path in enumerate(paths)]
    with DecodersAhead(jobs, 2, 60.0) as decoders:
        next(iter(decoders))
    assert not any(thread.is_alive() for thread in decoders._threads)


def test_a_long_file_is_handed_on_piece_by_piece(tagger, tmp_path):
    path = tmp_path / "long.wav"
    path.write_bytes(wav_of(constant(0.1, 250 * NUM_SAMPLES)))
    items = decode([DecodeJob(0, str(path), tagger.listening)])
    pieces = [len(item.samples) for _, item in items if isinstance(item, Piece)]
    assert pieces == [96, 96, 58]


def test_listening_that_differs_is_not_shared(tagger):
    skimming = Tagger(tagger.runtime, hop=1.0)
    assert skimming.listening == dataclasses.replace(tagger.listening, hop=16_000)
    assert skimming.listening.share_heard == 0.25


def test_decoders_that_were_started_before_are_used_and_ended(tagger, paths):
    with SpareDecoders(2) as spare:
        spare.await_start()
        processes = [worker._process for worker in spare._workers]
        results = list(tag_many([tagger], paths, ONE_WORKER, spare=spare))
        assert len(spare._workers) == 1
    assert len(results) == 9
    assert not any(process.is_alive() for process in processes)

"""A service that has too much to do, or too little to do it with."""

from pathlib import Path

from loud_service import LOUD_FILE, LoudnessRuntime, detail, post
from starlette.testclient import TestClient

from resemul.configs.server import ServerConfig
from resemul.errors import WeightsError
from resemul.server.app import build_app
from resemul.tagging.decoding import _Worker
from resemul.tagging.tagger import Tagger


def test_a_full_line_refuses_and_says_when_to_come_again():
    runtime = LoudnessRuntime(seconds_per_batch=0.3)
    config = ServerConfig(workers=1, queue=2)
    with TestClient(build_app({"slow": Tagger(runtime)}, config)) as client:
        files = [LOUD_FILE, LOUD_FILE]
        post(client, files, status=202, background=1)
        refused = post(client, status=429)
        assert int(refused.headers["retry-after"]) >= 1
        assert "2 files are waiting or at work" in detail(refused)
        # Health answers while the model works.
        assert client.get("/health/ready").status_code == 200


def test_a_job_that_is_cancelled_in_its_last_step_leaves_the_service_at_work(
    runtime, monkeypatch
):
    first, second = Tagger(runtime), Tagger(LoudnessRuntime())
    taggers = {"first": first, "second": second}
    with TestClient(build_app(taggers, ServerConfig(workers=1))) as client:
        jobs, make_result = client.app.state.service.jobs, first.result

        def cancel_and_make(*args):
            for job in list(jobs._jobs.values()):
                job.cancel()
            return make_result(*args)

        monkeypatch.setattr(first, "result", cancel_and_make)
        post(client, status=409)
        monkeypatch.undo()
        post(client)


def test_a_model_that_fails_is_told_at_once_and_the_service_is_not_ready():
    runtime = LoudnessRuntime()
    with TestClient(
        build_app({"m": Tagger(runtime)}, ServerConfig(workers=2))
    ) as client:
        runtime.predict = lambda segments: 1 // 0
        assert "has failed" in detail(post(client, status=503))
        assert client.get("/health/ready").status_code == 503
        assert client.get("/health/live").status_code == 200


def test_a_model_without_embeddings_refuses_them_and_goes_on(client, runtime):
    def refuse(segments):
        raise WeightsError("the model gives no embeddings")

    runtime.embed = refuse
    assert "no embeddings" in detail(post(client, status=422, embeddings=1))
    del runtime.embed
    post(client, embeddings=1)


def test_a_full_disk_is_told_and_nothing_stays(client, monkeypatch):
    folder = client.app.state.service._folder

    def fail(path, mode):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", fail)
    assert "no room for the upload" in detail(post(client, status=503))
    monkeypatch.undo()
    assert list(folder.iterdir()) == []


def test_a_full_line_refuses_before_the_files_come():
    runtime = LoudnessRuntime(seconds_per_batch=0.3)
    config = ServerConfig(workers=1, queue=1)
    with TestClient(build_app({"slow": Tagger(runtime)}, config)) as client:
        post(client, status=202, background=1)
        # It would be refused for its body, had anybody looked.
        headers = {"content-type": "multipart/form-data; boundary=a"}
        response = client.post("/tag", content=b"nothing of a form", headers=headers)
        assert response.status_code == 429


def test_the_service_stops_at_once_though_a_decoder_hangs(monkeypatch):
    app = build_app({"m": Tagger(LoudnessRuntime())}, ServerConfig(workers=1))
    monkeypatch.setattr(_Worker, "_wait", wait_for_nothing)
    with TestClient(app) as client:
        post(client, status=202, background=1)
        engine = app.state.service.engine
    assert not engine._thread.is_alive()


def test_a_decoder_that_hangs_costs_its_file_and_is_replaced(monkeypatch):
    app = build_app({"m": Tagger(LoudnessRuntime())}, ServerConfig(workers=1))
    with TestClient(app) as client:
        monkeypatch.setattr(_Worker, "_wait", lambda *_: False)
        assert "gave nothing for 120 s" in detail(post(client, status=504))
        monkeypatch.undo()
        post(client)


def wait_for_nothing(worker, timeout, stopped):
    """A decoder that gives nothing, and is waited for until all stops."""
    assert stopped.wait(20)
    return False

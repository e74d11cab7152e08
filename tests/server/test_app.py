"""Requests and answers, over a model whose scores can be checked by hand."""

import time

import pytest
from loud_service import LOUD, LOUD_FILE, LoudnessRuntime, detail, post, wav
from starlette.testclient import TestClient

from resemul.configs.server import ServerConfig
from resemul.server.app import build_app
from resemul.tagging.tagger import Tagger


def test_tag_answers_by_the_schema_of_the_command(client):
    content = post(client, model="loudness").json()
    assert content["schema"] == "resemul.tag/1"
    [result] = content["results"]
    assert (result["path"], result["model"]) == ("loud.wav", "loudness")
    assert (result["status"], result["seconds"]) == ("tagged", 0.5)
    # 10 * 0.3^2, and what is missing to 1.
    assert result["tags"] == pytest.approx({"loud": 0.9, "quiet": 0.1}, abs=1e-3)
    assert "timeline" not in result


def test_tag_takes_the_bytes_of_one_file(client):
    response = client.post(
        "/tag?model=loudness&top_k=1",
        content=wav(0.1),
        headers={"content-type": "audio/wav"},
    )
    [result] = response.json()["results"]
    assert result["tags"] == pytest.approx({"quiet": 0.9}, abs=1e-3)


def test_tag_takes_several_files_and_all_models_by_default(client):
    files = [LOUD_FILE, ("file", ("quiet.wav", wav(0.1), "audio/wav"))]
    results = post(client, files).json()["results"]
    assert [(r["path"], r["model"]) for r in results] == [
        ("loud.wav", "loudness"),
        ("loud.wav", "other"),
        ("quiet.wav", "loudness"),
        ("quiet.wav", "other"),
    ]


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ("; filename*=utf-8''s%C3%B6ng.wav", "s\u00f6ng.wav"),
        ('; filename="s\u00f6ng.wav"', "s\u00f6ng.wav"),
        ("", "file"),
    ],
)
def test_names_of_files_are_taken_as_clients_send_them(client, filename, shown):
    head = f'--b\r\nContent-Disposition: form-data; name="file"{filename}\r\n\r\n'
    response = client.post(
        "/tag",
        content=head.encode() + wav(0.3) + b"\r\n--b--\r\n",
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    assert response.json()["results"][0]["path"] == shown


def test_fields_of_the_form_go_before_the_query(client):
    response = client.post(
        "/tag?top_k=2&model=other", files=LOUD, data={"top_k": "1", "timeline": "true"}
    )
    [result] = response.json()["results"]
    assert list(result["tags"]) == ["loud"]
    assert [(s["start"], s["end"]) for s in result["timeline"]] == [
        (0.0, 0.25),
        (0.25, 0.5),
    ]


def test_hop_peaks_and_embeddings_come_if_asked_for(client):
    content = post(
        client, model="loudness", timeline=1, hop=0.125, peaks=1, embeddings=1
    ).json()
    [result] = content["results"]
    assert [s["start"] for s in result["timeline"]] == [0.0, 0.125, 0.25]
    assert len(result["peaks"]) == 5
    assert result["peaks"][0] == pytest.approx([0.3, 0.3], abs=1e-3)
    assert len(result["embeddings"]) == 3


def test_other_formats_can_be_parsed_back(client):
    text = post(client, model="loudness", response_format="csv").text
    header, row = text.splitlines()
    assert header.startswith("path,model,status,error,seconds,")
    assert row.startswith("loud.wav,loudness,tagged,,0.5,")
    labels = post(
        client,
        model="loudness",
        response_format="audacity",
        threshold="0.5",
        timeline=1,
    ).text
    assert labels == "0.000000\t0.500000\tloud\n"
    pairs = post(client, model="loudness", format="hf").json()
    assert [pair["label"] for pair in pairs] == ["loud", "quiet"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"top_k": 0}, "top_k: "),
        ({"model": "nothing"}, "no model 'nothing' here, only loudness, other"),
        ({"threshold": "2"}, "must be a number from 0 to 1"),
        ({"threshold": "fitted"}, "has no fitted thresholds"),
        ({"hop": 0}, "hop: "),
        ({"response_format": "audacity"}, "need a threshold"),
        ({"response_format": "xml"}, "response_format: "),
        ({"no_such": 1}, "no_such: "),
    ],
)
def test_wishes_that_cannot_be_met_are_refused_in_words(client, query, message):
    assert message in detail(post(client, status=422, **query))


@pytest.mark.parametrize(
    ("headers", "content", "status", "message"),
    [
        ({"content-type": "text/plain"}, b"x", 415, "Send a form"),
        ({}, b"", 415, "Send a form"),
        ({"content-type": "multipart/form-data"}, b"x", 400, "no boundary"),
        (
            {"content-type": "multipart/form-data; boundary=a"},
            b"--a\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\nR",
            400,
            "cut off",
        ),
        (
            {"content-type": "multipart/form-data; boundary=a"},
            b"nothing of a form",
            400,
            "cannot be read",
        ),
        ({"content-type": "audio/mpeg"}, b"no sound at all", 422, ""),
        ({"content-type": "audio/mpeg"}, b"", 422, ""),
    ],
)
def test_bodies_that_are_none_are_refused_in_words(
    client, headers, content, status, message
):
    response = client.post("/tag", content=content, headers=headers)
    assert response.status_code == status
    assert message in detail(response)


def test_a_broken_file_does_not_cost_the_others(client):
    files = [("file", ("broken.mp3", b"nothing", "audio/mpeg")), LOUD_FILE]
    broken, loud = post(client, files, model="loudness").json()["results"]
    assert broken["status"] == "failed"
    assert broken["error"].startswith("broken.mp3 ")
    assert loud["status"] == "tagged"


def test_too_many_files_and_too_much_sound_are_refused(client):
    assert "3 files" in detail(post(client, [LOUD_FILE] * 4, status=413))
    long = {"file": ("long.wav", wav(0.1, 25), "audio/wav")}
    assert "long.wav is longer than 20 seconds" in detail(post(client, long, 422))


def test_too_many_bytes_are_refused_announced_or_not(client):
    big = {"file": ("big.wav", b"\0" * 1_000_001, "audio/wav")}
    assert "1 MB" in detail(post(client, big, status=413))

    def chunks():
        for _ in range(11):
            yield b"\0" * 100_000

    response = client.post(
        "/tag", content=chunks(), headers={"content-type": "audio/wav"}
    )
    assert response.status_code == 413


def test_a_job_in_the_background_is_asked_for_and_forgotten(client):
    response = post(client, status=202, background=1, model="loudness")
    status = response.json()
    place = response.headers["location"]
    assert place == f"/jobs/{status['id']}"
    assert status["files"][0]["name"] == "loud.wav"
    end = time.monotonic() + 20
    while (answer := client.get(place)).status_code == 202:
        assert time.monotonic() < end
    assert answer.json()["results"][0]["status"] == "tagged"
    events = client.get(f"{place}/events").text
    assert events.startswith("data: {")
    assert '"state": "done"' in events
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404


def test_models_are_listed_with_their_tags(client):
    first, second = client.get("/models").json()
    assert (first["name"], second["name"]) == ("loudness", "other")
    assert first["tags"] == ["loud", "quiet"]
    assert client.get("/models/loudness").json()["num_samples"] == 4_000
    assert client.get("/models/nothing").status_code == 404


def test_health_metrics_and_page_answer(client):
    assert client.get("/health/live").json() == {"status": "live"}
    ready = {"status": "ready", "needs_token": False}
    assert client.get("/health/ready").json() == ready
    post(client)
    text = client.get("/metrics").text
    assert 'http_requests_total{method="POST",path="/tag",status="200"}' in text
    assert "resemul_audio_seconds_total" in text
    page = client.get("/")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert client.get("/docs").status_code == 200
    assert "/tag" in client.get("/openapi.json").json()["paths"]


def test_nothing_is_left_on_the_disk(client):
    folder = client.app.state.service._folder
    post(client)
    post(client, [LOUD_FILE] * 4, status=413)
    client.post("/tag", content=b"x", headers={"content-type": "text/plain"})
    assert list(folder.iterdir()) == []


def test_files_of_several_clients_share_a_batch():
    runtime = LoudnessRuntime(seconds_per_batch=0.05)
    config = ServerConfig(workers=2)
    with TestClient(build_app({"slow": Tagger(runtime)}, config)) as client:
        files = [("file", (f"{i}.wav", wav(0.1), "audio/wav")) for i in range(8)]
        results = post(client, files).json()["results"]
    assert len(results) == 8
    # One to warm up, and sixteen segments in fewer batches than files.
    assert sum(runtime.batch_sizes) == 17
    assert len(runtime.batch_sizes) - 1 < 8


def test_a_token_guards_work_and_nothing_else(runtime):
    app = build_app({"loudness": Tagger(runtime)}, ServerConfig(workers=1), "secret")
    with TestClient(app) as client:
        assert "needs a token" in detail(post(client, status=401))
        assert client.get("/health/ready").status_code == 200
        client.headers["authorization"] = "Bearer secret"
        post(client)


def test_a_page_elsewhere_may_call_only_if_it_is_named(runtime):
    origin = {"origin": "https://example.org"}
    taggers = {"loudness": Tagger(runtime)}
    with TestClient(build_app(taggers, ServerConfig(workers=1))) as client:
        response = client.get("/models", headers=origin)
        assert "access-control-allow-origin" not in response.headers
    config = ServerConfig(workers=1, cors_origin="https://example.org")
    with TestClient(build_app(taggers, config)) as client:
        response = client.get("/models", headers=origin)
        assert response.headers["access-control-allow-origin"] == "https://example.org"


def test_what_there_is_not_is_refused_in_words(client):
    assert "Not Found" in detail(client.get("/nothing"))
    refused = client.delete("/nothing")
    assert "Not Allowed" in detail(refused)

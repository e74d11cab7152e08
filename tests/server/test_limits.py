"""Limits without a network: messages in, messages out."""

import asyncio

from resemul.server.limits import Limits

_LIMITS = {"max_bytes": 10, "timeout": 5.0, "upload_timeout": 60.0}


async def read_all(scope, receive, send):
    """An application that reads the body and answers with its length."""
    num_bytes, more = 0, True
    while more:
        message = await receive()
        num_bytes += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % num_bytes})


def ask(messages, headers=(), pause=0.0, **options):
    """The status and headers of the answer; after the messages nothing comes."""
    sent = []
    messages = list(messages)

    async def receive():
        if messages:
            await asyncio.sleep(pause)
            return messages.pop(0)
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message):
        sent.append(message)

    app = Limits(read_all, **_LIMITS | options)
    scope = {"type": "http", "path": "/tag", "headers": list(headers), "method": "POST"}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"])


def chunk(body, more=False):
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_small_body_passes_and_the_answer_has_the_headers():
    status, headers = ask([chunk(b"12345", True), chunk(b"67890")])
    assert status == 200
    assert headers[b"x-content-type-options"] == b"nosniff"


def test_a_body_is_refused_as_soon_as_it_is_too_long():
    status, headers = ask([chunk(b"123456", True), chunk(b"78901", True)])
    assert status == 413
    assert headers[b"content-type"] == b"application/problem+json"


def test_an_announced_body_is_refused_before_it_comes():
    assert ask([], [(b"content-length", b"11")])[0] == 413
    assert ask([], [(b"content-length", b"many")])[0] == 400


def test_a_client_that_stops_in_the_middle_is_given_up():
    assert ask([chunk(b"1", True)], timeout=0.05)[0] == 408


def test_a_body_that_trickles_has_an_end():
    trickle = [chunk(b"1", True)] * 9
    status, headers = ask(trickle, pause=0.02, timeout=5.0, upload_timeout=0.05)
    assert status == 408
    assert headers[b"content-type"] == b"application/problem+json"
    assert ask([chunk(b"1", True), chunk(b"2")], pause=0.02)[0] == 200


def test_a_token_is_compared_whole():
    body = [chunk(b"1")]
    given = [(b"authorization", b"Bearer secret")]
    assert ask(body, given, token="secret")[0] == 200
    for wrong in (b"Bearer secre", b"secret", b""):
        assert ask(body, [(b"authorization", wrong)], token="secret")[0] == 401

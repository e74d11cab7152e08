"""The service: routes over an engine, and the page."""

import asyncio
import contextlib
import dataclasses
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.staticfiles import StaticFiles

from resemul import __version__
from resemul.configs.server import ServerConfig
from resemul.server.answers import answer
from resemul.server.engine import Engine
from resemul.server.jobs import Job, Jobs
from resemul.server.limits import Limits
from resemul.server.metrics import Measured, Metrics
from resemul.server.problems import Problem
from resemul.server.uploads import receive_uploads
from resemul.server.wishes import Wishes, complaint
from resemul.server.work import Work
from resemul.tagging.tagger import Tagger

_PAGE = Path(str(files("resemul.server"))) / "page"
_SECONDS_BETWEEN_SWEEPS = 1.0
_SECONDS_BETWEEN_EVENTS = 0.3


def build_app(
    taggers: Mapping[str, Tagger], config: ServerConfig, token: str | None = None
) -> FastAPI:
    """The ASGI application.

    Args:
        taggers: the models, by the names that clients use; the first is the default.
        config: limits and times.
        token: see `limits.Limits`.
    """
    service = Service(taggers, config)
    app = FastAPI(
        title="resemul",
        version=__version__,
        summary="Tags for music, and where in a song they apply.",
        lifespan=service.lifespan,
        docs_url=None,  # they fetch scripts from elsewhere
        redoc_url=None,
    )
    app.state.service = service
    app.exception_handler(Problem)(_answer_problem)
    app.exception_handler(RequestValidationError)(_answer_invalid)
    app.exception_handler(HTTPException)(_answer_http)
    app.exception_handler(Exception)(_answer_bug)
    _add_routes(app, service, token)
    app.mount("/", StaticFiles(directory=_PAGE, html=True), name="page")
    app.add_middleware(
        Limits,
        max_bytes=config.max_upload_bytes,
        timeout=config.timeout,
        upload_timeout=config.upload_timeout,
        token=token,
    )
    app.add_middleware(Measured, metrics=service.metrics)
    if config.cors_origin:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=[config.cors_origin],
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["authorization", "content-type"],
        )
    return app


class Service:
    """What the routes share: the engine, the jobs, what is counted."""

    def __init__(self, taggers: Mapping[str, Tagger], config: ServerConfig) -> None:
        self.config = config
        self.metrics = Metrics()
        self.jobs = Jobs(config.keep_jobs)
        self.engine = Engine(
            taggers,
            num_workers=config.workers,
            capacity=config.queue,
            timeout=config.timeout,
            max_seconds=config.max_seconds,
            metrics=self.metrics,
        )
        self._folder: Path | None = None

    @contextlib.asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Warms the models up; at the end stops the engine and empties the folder."""
        with tempfile.TemporaryDirectory(prefix="resemul-") as folder:
            self._folder = Path(folder)
            await asyncio.to_thread(self.engine.start)
            sweeper = asyncio.create_task(self._sweep())
            try:
                yield
            finally:
                sweeper.cancel()
                await asyncio.to_thread(self.engine.stop)

    async def begin(self, request: Request, wishes: Wishes) -> Job:
        """Takes the files of a request in, and puts them in the line."""
        self.engine.require_room()
        assert self._folder is not None  # as long as the engine runs
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            received = await receive_uploads(request, folder, self.config.max_files)
            wishes = wishes.with_fields(received.fields)
            names = wishes.names(self.engine.taggers)
            works = [
                Work(upload.name, upload.path, names, wishes.hop, wishes.embeddings)
                for upload in received.uploads
            ]
            job = Job(works, folder, wishes.show(self.engine.taggers), wishes)
            self.engine.submit(works)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.jobs.add(job)
        return job

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_SWEEPS)
            self.engine.sweep()
            await asyncio.to_thread(self.jobs.sweep)


def _add_routes(app: FastAPI, service: Service, token: str | None) -> None:
    taggers = service.engine.taggers

    @app.post("/tag", tags=["tags"], responses=_RESPONSES, openapi_extra=_BODY)
    async def tag(request: Request, wishes: Annotated[Wishes, Query()]) -> Response:
        """Tags files: a form with files called `file`, or the bytes of one file."""
        job = await service.begin(request, wishes)
        seconds = 0.0 if job.wishes.background else service.config.wait
        if not await _wait(job, request, seconds):
            headers = {"location": f"/jobs/{job.id}"}
            return JSONResponse(job.status(), 202, headers)
        try:
            return await asyncio.to_thread(answer, job, taggers)
        finally:
            service.jobs.remove(job)

    @app.get("/jobs/{job_id}", tags=["jobs"], responses=_RESPONSES)
    async def job_status(job_id: str) -> Response:
        """How far a job is; when it is over, its result, in the format asked for."""
        job = service.jobs.find(job_id)
        if not job.is_over:
            return JSONResponse(job.status(), 202)
        return await asyncio.to_thread(answer, job, taggers)

    @app.get("/jobs/{job_id}/events", tags=["jobs"], responses=_RESPONSES)
    async def job_events(job_id: str) -> Response:
        """How far a job is, as server-sent events until it is over."""
        job = service.jobs.find(job_id)
        return StreamingResponse(_events(job), media_type="text/event-stream")

    @app.delete("/jobs/{job_id}", tags=["jobs"], status_code=204, responses=_RESPONSES)
    async def job_cancel(job_id: str) -> Response:
        """Cancels a job, or forgets its result."""
        service.jobs.remove(service.jobs.find(job_id))
        return Response(status_code=204)

    @app.get("/models", tags=["models"])
    async def models() -> list[dict[str, Any]]:
        """The models that are served, the default first."""
        return [_describe(name, tagger) for name, tagger in taggers.items()]

    @app.get("/models/{name}", tags=["models"], responses=_RESPONSES)
    async def model(name: str) -> dict[str, Any]:
        """The card of a model: all that is known of it."""
        if name not in taggers:
            raise Problem(404, f"There is no model {name!r} here.")
        return dataclasses.asdict(taggers[name].card)

    @app.get("/health/live", tags=["health"])
    async def live() -> dict[str, str]:
        """Answers as long as the process does."""
        return {"status": "live"}

    @app.get("/health/ready", tags=["health"], responses=_RESPONSES)
    async def ready() -> dict[str, Any]:
        """Answers 200 when the models are loaded and warm."""
        if not service.engine.is_running:
            raise Problem(503, "The models are not ready.", {"retry-after": "5"})
        return {"status": "ready", "needs_token": token is not None}

    @app.get("/metrics", tags=["health"], response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Counts for Prometheus."""
        return Response(
            service.metrics.render(), media_type="text/plain; version=0.0.4"
        )

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return FileResponse(_PAGE / "docs.html")


_PROBLEM = {
    "description": "Why not, in words.",
    "content": {"application/problem+json": {"schema": {"type": "object"}}},
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": _PROBLEM,
    202: {"description": "A job that is not over; `Location` says where to ask."},
}
_FILE = {"type": "string", "format": "binary"}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "array", "items": _FILE}},
                }
            },
            "audio/*": {"schema": _FILE},
        },
    }
}


async def _wait(job: Job, request: Request, seconds: float) -> bool:
    """Waits for a job; one whose client goes away meanwhile is cancelled."""
    waiting = asyncio.create_task(job.wait(seconds))
    while not waiting.done():
        await asyncio.wait([waiting], timeout=1.0)
        if not waiting.done() and await request.is_disconnected():
            job.cancel()
    return waiting.result()


async def _events(job: Job) -> AsyncIterator[str]:
    while True:
        yield f"data: {json.dumps(job.status())}\n\n"
        if job.is_over:
            return
        await job.wait(_SECONDS_BETWEEN_EVENTS)


async def _answer_problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return problem.response()


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return Problem(422, complaint(error.errors()[0])).response()


async def _answer_http(request: Request, error: Exception) -> Response:
    """What the framework refuses by itself: no such page, no such method."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    return Problem(error.status_code, f"{error.detail}.", headers).response()


async def _answer_bug(request: Request, error: Exception) -> Response:
    """The framework has it logged, with its traceback."""
    return Problem(500, "The service has made a mistake.").response()


def _describe(name: str, tagger: Tagger) -> dict[str, Any]:
    card = tagger.card
    return {
        "name": name,
        "model": card.model,
        "tags": list(card.tags),
        "sample_rate": card.sample_rate,
        "seconds": round(card.num_samples / card.sample_rate, 3),
        "has_thresholds": bool(card.thresholds),
        "source": card.source,
    }

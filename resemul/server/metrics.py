"""What Prometheus may ask for; each service counts for itself."""

import time

import prometheus_client
from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Clients may make up others, and each would be counted apart.
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """Requests and how long they took; the line; batches; seconds of sound."""

    def __init__(self) -> None:
        self._registry = prometheus_client.CollectorRegistry()
        self.requests = Counter(
            "http_requests_total",
            "Requests that were answered.",
            ("method", "path", "status"),
            registry=self._registry,
        )
        self.duration = Histogram(
            "http_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            ("path",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.queue = Gauge(
            "resemul_queue_files",
            "Files that wait or are at work.",
            registry=self._registry,
        )
        self.batch_size = Histogram(
            "resemul_batch_segments",
            "Segments in a batch of a model.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self._registry,
        )
        self.audio_seconds = Counter(
            "resemul_audio_seconds_total",
            "Seconds of sound in the files that were tagged.",
            registry=self._registry,
        )

    def render(self) -> bytes:
        """All of them, in the text format of Prometheus."""
        return prometheus_client.generate_latest(self._registry)


class Measured:
    """Counts requests, by their route rather than their path; pure ASGI."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, and counts it once its answer has begun."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def send_and_look(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_look)
        finally:
            path = getattr(scope.get("route"), "path", "") or "page"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(method, path, status).inc()
            seconds = time.perf_counter() - started
            self._metrics.duration.labels(path).observe(seconds)

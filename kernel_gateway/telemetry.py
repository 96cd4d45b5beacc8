"""Prometheus metrics and OpenTelemetry spans: with ids and sizes, never with contents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Telemetry:
    """The metrics of one service."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, words: str, *labels: str) -> Counter:
            return Counter(f"tallybook_{name}", words, labels, registry=registry)

        def histogram(name: str, words: str, *labels: str) -> Histogram:
            return Histogram(f"tallybook_{name}", words, labels, buckets=SECONDS, registry=registry)

        self.contexts_created = counter("contexts_created", "Kernels asked for by a path.")
        self.contexts_terminated = counter(
            "contexts_terminated", "Contexts that ended, by status.", "status"
        )
        self.contexts_restored = counter(
            "contexts_restored",
            "Kernels whose variables were rebuilt, by completeness.",
            "complete",
        )
        self.context_seconds = histogram(
            "context_start_seconds", "From a path's need of a kernel to a kernel that is ready."
        )
        self.executions = counter("executions", "Cells run, by how they ended.", "status")
        self.execution_seconds = histogram("execution_seconds", "Wall time of cells.")
        self.turns = counter("turns", "Turns, by kind and how they ended.", "kind", "status")
        self.turn_seconds = histogram("turn_seconds", "Wall time of turns.", "kind")
        self.lost_outputs = counter(
            "lost_outputs", "Events that could not be stored. Anything but 0 is an incident."
        )
        self.ratings = counter("ratings", "Thumbs up or down given to turns.", "rating")
        self.requests = counter("http_requests", "HTTP requests answered.", "method", "status")
        self.request_seconds = histogram("http_request_seconds", "Time to answer.", "method")
        self.websockets = Gauge(
            "tallybook_websockets", "Websockets that are open.", registry=registry
        )

    def watch(self, name: str, words: str, read: Callable[[], float]) -> None:
        """Add a gauge whose value *read* returns at each scrape."""
        Gauge(f"tallybook_{name}", words, registry=self.registry).set_function(read)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


@contextmanager
def exporting(endpoint: str | None) -> Iterator[None]:
    """Send spans to an OTLP collector at *endpoint* during the block."""
    if not endpoint:
        yield
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    provider = TracerProvider(resource=Resource.create({"service.name": "tallybook"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()

"""Traces by OpenTelemetry and errors to Sentry, where settings ask for them. Their packages are an extra."""

import importlib.util
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from incidentbot.config import Settings, SettingsError
from incidentbot.ops.redaction import Redactor
from incidentbot.ops.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

INSTALL = (
    "in a container, run the image whose tag ends in -observability; elsewhere, pip install "
    "--require-hashes -r requirements-observability.txt. See docs/operations.md, Traces and errors"
)
_FLUSH_MILLISECONDS = 3_000
_OTLP = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")

_provider: "TracerProvider | None" = None


class Span:
    """A span under way; this one stands in where nobody wants traces."""

    def end(self, *, name: str, **attributes: Any) -> None:
        """End it, with its name and what is known by now."""


class _RealSpan(Span):
    def __init__(self, span: Any, leave: Callable[[], None]) -> None:
        self._span, self._leave = span, leave

    def end(self, *, name: str, **attributes: Any) -> None:
        from opentelemetry.trace import StatusCode

        self._span.update_name(name)
        for key, value in attributes.items():
            self._span.set_attribute(f"incidentbot.{key}", value if value is not None else "")
        status = attributes.get("status")
        if isinstance(status, int) and status >= 500:
            self._span.set_status(StatusCode.ERROR)
        self._leave()
        self._span.end()


_NO_SPAN = Span()


def start(settings: Settings, redactor: Redactor) -> None:
    """Start what the settings ask for. Raises SettingsError when its package is not installed."""
    require_packages(settings)
    if settings.otel_exporter_otlp_endpoint:
        _start_traces(settings.otel_exporter_otlp_endpoint)
    if settings.sentry_dsn:
        _start_sentry(settings.sentry_dsn.get_secret_value(), settings.base_url, redactor)


def require_packages(settings: Settings) -> None:
    """Raise SettingsError when a package that the settings need is not installed."""
    wanted = (
        ("OTEL_EXPORTER_OTLP_ENDPOINT", settings.otel_exporter_otlp_endpoint, _OTLP),
        ("SENTRY_DSN", settings.sentry_dsn, ("sentry_sdk",)),
    )
    missing = [
        f"{name} needs a package that is not installed: {INSTALL}."
        for name, value, modules in wanted
        if value and not all(map(_is_installed, modules))
    ]
    if missing:
        raise SettingsError("\n".join(missing))


def begin(kind: str, environ: Mapping[str, Any] | None = None) -> Span:
    """Begin a span for a request (which may continue the caller's trace) or a delivery."""
    if _provider is None:
        return _NO_SPAN
    from opentelemetry import context, trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    parent = None
    if environ is not None and "HTTP_TRACEPARENT" in environ:
        carrier = {"traceparent": environ["HTTP_TRACEPARENT"]}
        parent = TraceContextTextMapPropagator().extract(carrier)
    span_kind = trace.SpanKind.SERVER if environ is not None else trace.SpanKind.CONSUMER
    span = _provider.get_tracer("incidentbot", VERSION).start_span(
        kind, context=parent, kind=span_kind
    )
    token = context.attach(trace.set_span_in_context(span))
    return _RealSpan(span, lambda: context.detach(token))


def flush() -> None:
    """Send what is still waiting: a process that is about to end may end at once."""
    if _provider is not None:
        _provider.force_flush(_FLUSH_MILLISECONDS)


def _start_traces(endpoint: str) -> None:
    global _provider
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": "incidentbot", "service.version": VERSION})
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _provider = provider


def _start_sentry(dsn: str, base_url: str, redactor: Redactor) -> None:
    import sentry_sdk
    from sentry_sdk.integrations.logging import LoggingIntegration

    def without_secrets(event: Any, _hint: Any) -> Any:
        return redactor.value(event)

    sentry_sdk.init(
        dsn=dsn,
        release=f"incidentbot@{VERSION}",
        environment=base_url.split("://", 1)[1],
        send_default_pii=False,
        # A line of the log at ERROR becomes an event, and nothing else: no request, no local variable.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration(level=None, event_level=logging.ERROR)],
        include_local_variables=False,
        max_request_body_size="never",
        before_send=without_secrets,
    )


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that it is part of
        return False

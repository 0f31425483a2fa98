"""Letting faults hit a call: what comes before it, the call itself, what comes after."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

from flask import Response, request

from incidentbot.sandbox.faults import Fault, Faults


class Dropped(Exception):
    """The fault wanted this connection closed without an answer."""


def answer_nobody(_dropped: Dropped) -> Response:
    """What is written here goes nowhere: the connection is closed already."""
    return Response(status=500)


def with_faults(
    faults: Faults,
    hits: list[Fault],
    spoilt: Callable[[Fault], Response | None],
    answer: Callable[[], Response],
) -> Response:
    """Before, the call, after: `answer` takes its own locks, none is held while this waits.

    `spoilt` gives the service's own words for a fault that lets the call have no effect.
    Raises Dropped when the connection is to close without an answer.
    """
    waits = [fault for fault in hits if fault.kind == "latency"]
    _wait(faults, sum(_share(fault, "before") for fault in waits))
    others = [fault for fault in hits if fault.kind != "latency"]
    for fault in others:
        if (instead := _before(faults, fault, spoilt)) is not None:
            _wait(faults, sum(_share(fault, "after") for fault in waits))
            return instead
    response = answer()
    _wait(faults, sum(_share(fault, "after") for fault in waits))
    for fault in others:
        if fault.kind == "server_error_after":
            return _server_error(fault)
        if fault.kind in ("hang", "drop"):
            _wait(faults, fault.ms)
            _drop()
    return response


def _share(fault: Fault, side: str) -> float:
    return fault.ms / 2 if fault.when == "half" else fault.ms * (fault.when == side)


def _wait(faults: Faults, milliseconds: float) -> None:
    if milliseconds > 0:
        faults.released.wait(milliseconds / 1000)


def _before(
    faults: Faults, fault: Fault, spoilt: Callable[[Fault], Response | None]
) -> Response | None:
    """The answer of a fault that spoils the call before it has any effect."""
    if fault.kind == "server_error":
        return _server_error(fault)
    if fault.kind in ("refuse", "hang_before"):
        _wait(faults, fault.ms)
        _drop()
    return spoilt(fault)


def _server_error(fault: Fault) -> Response:
    status = fault.status or 500
    return Response("Internal Server Error", status=status, mimetype="text/plain")


def _drop() -> None:
    """Close the connection under the client. The server sees it as gone and goes on."""
    wire = request.environ.get("werkzeug.socket")
    if isinstance(wire, socket.socket):
        with contextlib.suppress(OSError):  # the client may have gone away first
            wire.shutdown(socket.SHUT_RDWR)
    raise Dropped("closed by a fault")

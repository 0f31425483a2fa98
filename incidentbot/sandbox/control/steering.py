"""Faults, settings and reset: making the workspace behave badly, or afresh."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, jsonify, request

from incidentbot.sandbox.control.guard import only_from_here, refuse
from incidentbot.sandbox.faults import KINDS
from incidentbot.sandbox.runtime import the_sandbox
from incidentbot.sandbox.settings import Knobs

blueprint = Blueprint("steering", __name__, url_prefix="/sandbox")
blueprint.before_request(only_from_here)


def _faults() -> Response:
    return jsonify(faults=the_sandbox().faults.listed(), kinds=KINDS)


@blueprint.get("/faults")
def list_faults() -> Response:
    """The faults in force, and the kinds there are."""
    return _faults()


@blueprint.post("/faults")
def add_fault() -> Response:
    """Add one fault; answers with its id."""
    body = request.get_json(silent=True)
    try:
        fault = the_sandbox().faults.add(body if isinstance(body, dict) else {})
    except (ValueError, TypeError) as problem:
        refuse(422, str(problem))
    the_sandbox().store.touch()
    return jsonify(asdict(fault))


@blueprint.put("/faults")
def put_faults() -> Response:
    """Put a list of faults in place of all present ones."""
    body = request.get_json(silent=True)
    wishes = body.get("faults") if isinstance(body, dict) else body
    try:
        the_sandbox().faults.replace(wishes if isinstance(wishes, list) else [{}])
    except (ValueError, TypeError) as problem:
        refuse(422, str(problem))
    the_sandbox().store.touch()
    return _faults()


@blueprint.delete("/faults")
@blueprint.delete("/faults/<fault_id>")
def clear_faults(fault_id: str = "") -> Response:
    """Take away one fault or all; calls that hang are let go."""
    the_sandbox().faults.clear(fault_id)
    the_sandbox().store.touch()
    return _faults()


@blueprint.get("/settings")
def settings() -> Response:
    """The settings that may be changed while the sandbox runs."""
    return jsonify(asdict(the_sandbox().knobs))


@blueprint.put("/settings")
def put_settings() -> Response:
    """Change some of them; the others stay."""
    body = request.get_json(silent=True)
    box = the_sandbox()
    try:
        box.knobs = box.knobs.changed(body if isinstance(body, dict) else {})
    except ValueError as problem:
        refuse(422, str(problem))
    box.store.touch()
    return jsonify(asdict(box.knobs))


@blueprint.post("/reset")
def reset() -> Response:
    """Back to the beginning: workspace, status page, faults, settings and logs."""
    box = the_sandbox()
    box.faults.clear()
    box.knobs = Knobs()
    box.calls.clear()
    box.requests.clear()
    box.tickets.clear()
    box.statuspage_calls.clear()
    box.statuspage_limits.clear()
    box.store.reset()
    return jsonify(ok=True)

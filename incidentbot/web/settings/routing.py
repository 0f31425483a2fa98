"""Who is told of incidents beyond their own channels, and a look at what that comes to."""

from collections.abc import Iterable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from incidentbot.extensions import db
from incidentbot.incidents.errors import Conflict, IncidentError
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import Service
from incidentbot.incidents.queries import names_by_slack_id
from incidentbot.incidents.services import list_all_services
from incidentbot.routing import rules as core
from incidentbot.routing.models import AudienceKind, RoutingRule
from incidentbot.routing.plan import Moment
from incidentbot.routing.preview import who_hears_when
from incidentbot.users.candidates import Among, candidate, offer
from incidentbot.users.people import find_by_slack_id
from incidentbot.web.access import actor
from incidentbot.web.people import picked
from incidentbot.web.settings.forms import Page, Typed, attempt, form_page, seen_in

blueprint = Blueprint("routing", __name__, url_prefix="/settings/routing")


@blueprint.get("")
def index() -> str:
    """Show the rules, and who would hear of which incident. For admins."""
    session = db.session()
    rules = core.list_rules(session)
    services = list_all_services(session)
    return render_template(
        "settings/routing.html",
        rules={
            severity: [rule for rule in rules if rule.severity is severity] for severity in Severity
        },
        names=_names(session, rules),
        services=services,
        **_preview(session, services),
    )


@blueprint.get("/preview")
def preview() -> str:
    """Return who would hear of an incident of one severity and service. For admins."""
    session = db.session()
    return render_template(
        "settings/_who_hears.html", **_preview(session, list_all_services(session))
    )


@blueprint.get("/new")
def new() -> Page:
    """Show the form that adds a rule. For admins."""
    chosen = request.args
    values = MultiDict(
        [
            ("severity", chosen.get("severity", "")),
            ("kind", chosen.get("kind", AudienceKind.CHANNEL)),
            ("moments", Moment.START),
            ("moments", Moment.END),
        ]
    )
    return _form(None, values)


@blueprint.post("/new")
def add() -> Page | Response:
    """Add a rule. For admins."""
    values = request.form
    error = attempt(
        lambda: core.add_rule(db.session(), actor(values.get("request_key")), _fields(values, None))
    )
    if error is not None:
        return _form(None, values, error)
    flash("The rule is added. It holds from now on.")
    return redirect(url_for("routing.index"))


@blueprint.get("/<int:rule_id>")
def edit(rule_id: int) -> Page:
    """Show the form that changes a rule. For admins."""
    session = db.session()
    rule = core.get_rule(session, rule_id)
    return _form(rule, _values_of(session, rule))


@blueprint.post("/<int:rule_id>")
def save(rule_id: int) -> Page | Response:
    """Change a rule. For admins."""
    values, rule = request.form, core.get_rule(db.session(), rule_id)
    error = attempt(
        lambda: core.edit_rule(
            db.session(),
            rule_id,
            actor(values.get("request_key")),
            _fields(values, rule),
            values.get("seen", ""),
        )
    )
    if error is not None:
        return _form(core.get_rule(db.session(), rule_id), values, error)
    flash("The rule is saved. It holds from now on.")
    return redirect(url_for("routing.index"))


@blueprint.post("/<int:rule_id>/delete")
def delete(rule_id: int) -> Page | Response:
    """Delete a rule. For admins."""
    session = db.session()
    values = request.form
    error = attempt(
        lambda: core.delete_rule(
            session, rule_id, actor(values.get("request_key")), values.get("seen", "")
        )
    )
    if error is not None:
        rule = core.get_rule(session, rule_id)
        return _form(rule, _values_of(session, rule), error)
    flash("The rule is deleted.")
    return redirect(url_for("routing.index"))


def _fields(values: Typed, rule: RoutingRule | None) -> core.RuleFields:
    """Return what a form says. Who is told already may have left meanwhile."""
    user_id = None
    if values.get("kind") == AudienceKind.PERSON:
        told = find_by_slack_id(db.session(), rule.target) if rule else None
        user_id = picked(values, "person", Among.IN_SLACK, keeping=[told] if told else [])
    return core.RuleFields(
        severity=values.get("severity", ""),
        kind=values.get("kind", ""),
        channel=values.get("channel", ""),
        user_id=user_id,
        service=values.get("service", ""),
        moments=frozenset(moment for moment in Moment if moment in values.getlist("moments")),
    )


def _values_of(session: Session, rule: RoutingRule) -> Typed:
    """Return a rule as its form shows it."""
    person = find_by_slack_id(session, rule.target) if rule.kind is AudienceKind.PERSON else None
    told = {Moment.START: rule.on_start, Moment.UPDATE: rule.on_update, Moment.END: rule.on_end}
    return MultiDict(
        [
            ("severity", rule.severity.value),
            ("kind", rule.kind.value),
            ("channel", rule.target if rule.kind is AudienceKind.CHANNEL else ""),
            ("person", candidate(person).label if person else ""),
            ("service", rule.service.slug if rule.service else ""),
            *(("moments", moment.value) for moment, is_told in told.items() if is_told),
        ]
    )


def _form(rule: RoutingRule | None, values: Typed, error: IncidentError | None = None) -> Page:
    session = db.session()
    services = [
        service
        for service in list_all_services(session)
        if service.archived_at is None or service.slug == values.get("service")
    ]
    return form_page(
        "settings/rule.html",
        values,
        error,
        rule=rule,
        seen=seen_in(values, core.state_of_rule(rule), error) if rule else "",
        services=services,
        offered=offer(session, Among.IN_SLACK),
        moments=set(values.getlist("moments")),
        is_person=values.get("kind") == AudienceKind.PERSON,
        is_conflict=isinstance(error, Conflict),
        names=_names(session, [rule] if rule else []),
    )


def _names(session: Session, rules: Iterable[RoutingRule]) -> dict[str, str]:
    """Return what the people of these rules are called, by their Slack ids."""
    return dict(
        names_by_slack_id(
            session, {rule.target for rule in rules if rule.kind is AudienceKind.PERSON}
        )
    )


def _preview(session: Session, services: Iterable[Service]) -> dict[str, object]:
    """Return the severity and service asked about, and who would hear at each moment."""
    wanted = request.args.get("severity", "")
    severity = Severity(wanted) if wanted in list(Severity) else Severity.P1
    in_use = [service for service in services if service.archived_at is None]
    slug = request.args.get("service", "")
    service = next((s for s in in_use if s.slug == slug), in_use[0] if in_use else None)
    return {
        "asked_severity": severity,
        "asked_service": service,
        "services_in_use": in_use,
        "hearing": who_hears_when(session, severity, service),
    }

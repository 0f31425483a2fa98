"""The templates an admin edits: presets that fill in the declare form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from incidentbot.incidents.errors import InvalidInput, NotFound
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import Service, Template
from incidentbot.incidents.settings import changing_setting, require_unchanged
from incidentbot.incidents.text import clean_line, clean_optional
from incidentbot.users.actor import Actor

NAME_LIMIT = 75
SUMMARY_LIMIT = 3_000  # what a field of Slack's modal holds


@dataclass(frozen=True)
class TemplateFields:
    """What a person fills in of a template. `service` is a slug, or "" for none."""

    name: str
    title: str
    severity: str
    service: str = ""
    summary: str = ""


def get_template(session: Session, template_id: int) -> Template:
    """Return one template. Raises NotFound."""
    template = session.get(Template, template_id)
    if template is None:
        raise NotFound("There is no such template any more.")
    return template


def find_template(session: Session, template_id: str) -> Template | None:
    """Return the template chosen in a menu; None for none, and for one that is gone."""
    if not template_id.isdecimal() or len(template_id) > 9:
        return None
    return session.get(Template, int(template_id))


def fill_in(
    values: Mapping[str, str], chosen: Template | None, before: Template | None
) -> dict[str, str]:
    """Return a declaration's fields with the chosen template's values where nobody has written.

    A field that still holds what the template chosen before has filled in counts as not written.
    """
    offered, filled = _offered(chosen), _offered(before)
    return {
        **values,
        **{
            field: offered[field]
            for field in offered
            if values.get(field, "").split() in ([], filled[field].split())
        },
    }


def _offered(template: Template | None) -> dict[str, str]:
    if template is None:
        return dict.fromkeys(("title", "severity", "service", "summary"), "")
    return {
        "title": template.title,
        "severity": template.severity.value,
        "service": template.service.slug if template.service else "",
        "summary": template.summary,
    }


def state_of_template(template: Template) -> dict[str, Any]:
    """Return what the audit log keeps of a template, and what an edit may run into."""
    return {
        "name": template.name,
        "title": template.title,
        "severity": template.severity.value,
        "service": template.service.slug if template.service else None,
        "summary": template.summary,
    }


def add_template(session: Session, actor: Actor, fields: TemplateFields) -> Template:
    """Add a template. Raises InvalidInput for name, title, severity, service or summary."""
    cleaned = _clean(fields)
    with changing_setting(session, actor, "add_template") as change:
        _require_free(session, cleaned.name, None)
        template = Template()
        _fill(session, template, cleaned)
        session.add(template)
        session.flush()
        change.record(f"template {template.id}", {}, state_of_template(template))
    return template


def edit_template(
    session: Session, template_id: int, actor: Actor, fields: TemplateFields, seen: str
) -> Template:
    """Change a template. Raises InvalidInput, Conflict, NotFound."""
    cleaned = _clean(fields)
    with changing_setting(session, actor, "edit_template") as change:
        template = _lock(session, template_id)
        before = state_of_template(template)
        require_unchanged(before, seen)
        _require_free(session, cleaned.name, template.id)
        _fill(session, template, cleaned)
        change.record(f"template {template.id}", before, state_of_template(template))
    return template


def delete_template(session: Session, template_id: int, actor: Actor, seen: str) -> None:
    """Delete a template. Raises Conflict, NotFound."""
    with changing_setting(session, actor, "delete_template") as change:
        template = _lock(session, template_id)
        before = state_of_template(template)
        require_unchanged(before, seen)
        session.delete(template)
        change.record(f"template {template.id}", before, {})


def _clean(fields: TemplateFields) -> TemplateFields:
    if fields.severity not in list(Severity):
        raise InvalidInput("severity", "Choose a severity in the list.")
    return TemplateFields(
        name=clean_line("name", fields.name, NAME_LIMIT),
        title=clean_line("title", fields.title),
        severity=fields.severity,
        service=fields.service,
        summary=clean_optional("summary", fields.summary, SUMMARY_LIMIT),
    )


def _fill(session: Session, template: Template, fields: TemplateFields) -> None:
    service = None
    if fields.service:
        service = session.scalars(
            select(Service).where(Service.slug == fields.service)
        ).one_or_none()
        is_new = service is not None and service.id != template.service_id
        if service is None or (is_new and service.archived_at is not None):
            raise InvalidInput("service", "Choose a service in the list.")
    template.name = fields.name
    template.title = fields.title
    template.severity = Severity(fields.severity)
    template.service = service
    template.summary = fields.summary


def _require_free(session: Session, name: str, own_id: int | None) -> None:
    # Compared here, as SQLite knows only ASCII's small letters. There are few templates.
    names = session.execute(select(Template.id, Template.name)).all()
    if any(taken.casefold() == name.casefold() for other, taken in names if other != own_id):
        raise InvalidInput("name", "There is a template of this name.")


def _lock(session: Session, template_id: int) -> Template:
    template = session.scalars(
        select(Template)
        .where(Template.id == template_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if template is None:
        raise NotFound("There is no such template any more.")
    return template

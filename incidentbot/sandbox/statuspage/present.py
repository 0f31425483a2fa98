"""What the manage API shows of a page, a component, an incident."""

from __future__ import annotations

from datetime import UTC, datetime

from incidentbot.sandbox.statuspage.model import Component, Incident, Json, Page, Update
from incidentbot.sandbox.statuspage.rules import status_of


def stamp(moment: float | None) -> str | None:
    """A moment as Statuspage writes it: `2026-01-31T12:00:00.000Z`."""
    if moment is None:
        return None
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def page_json(page: Page) -> Json:
    """The page's profile, less its colours and pictures."""
    return {
        "id": page.id,
        "created_at": stamp(page.created_at),
        "updated_at": stamp(page.updated_at),
        "name": page.name,
        "page_description": page.page_description,
        "headline": page.headline,
        "branding": "basic",
        "subdomain": page.subdomain,
        "domain": None,
        "url": page.url,
        "support_url": None,
        "hidden_from_search": False,
        "allow_page_subscribers": True,
        "allow_incident_subscribers": True,
        "allow_email_subscribers": True,
        "allow_sms_subscribers": True,
        "allow_rss_atom_feeds": True,
        "allow_webhook_subscribers": True,
        "notifications_from_email": None,
        "notifications_email_footer": None,
        "activity_score": 0,
        "twitter_username": None,
        "viewers_must_be_team_members": False,
        "ip_restrictions": None,
        "city": None,
        "state": None,
        "country": None,
        "time_zone": page.time_zone,
    }


def component_json(page: Page, component: Component) -> Json:
    """A component; groups are among them, marked `group`."""
    return {
        "id": component.id,
        "page_id": page.id,
        "group_id": component.group_id,
        "created_at": stamp(component.created_at),
        "updated_at": stamp(component.updated_at),
        "group": component.group,
        "name": component.name,
        "description": component.description,
        "position": component.position,
        "status": status_of(page, component),
        "showcase": component.showcase,
        "only_show_if_degraded": component.only_show_if_degraded,
        "automation_email": None
        if component.group
        else f"component+{component.id}@sandbox.invalid",
        "start_date": component.start_date,
    }


def group_json(page: Page, group: Component) -> Json:
    """A component group, as its own endpoints show it."""
    return {
        "id": group.id,
        "page_id": page.id,
        "name": group.name,
        "description": group.description,
        "components": [child.id for child in page.in_order(group.id)],
        "position": group.position,
        "created_at": stamp(group.created_at),
        "updated_at": stamp(group.updated_at),
    }


def update_json(incident: Incident, update: Update) -> Json:
    """One update of an incident."""
    return {
        "id": update.id,
        "incident_id": incident.id,
        "status": update.status,
        "body": update.body,
        "created_at": stamp(update.created_at),
        "updated_at": stamp(update.updated_at),
        "display_at": stamp(update.display_at),
        "affected_components": update.affected,
        "deliver_notifications": update.deliver_notifications,
        "custom_tweet": None,
        "tweet_id": None,
        "twitter_updated_at": None,
        "wants_twitter_update": False,
    }


def incident_json(page: Page, incident: Incident, base_url: str) -> Json:
    """An incident with its updates, newest first, and its components as they are now."""
    flags = incident.flags
    return {
        "id": incident.id,
        "page_id": page.id,
        "name": incident.name,
        "status": incident.status,
        "impact": incident.impact,
        "impact_override": incident.impact_override,
        "created_at": stamp(incident.created_at),
        "updated_at": stamp(incident.updated_at),
        "started_at": stamp(incident.started_at),
        "monitoring_at": stamp(incident.monitoring_at),
        "resolved_at": stamp(incident.resolved_at),
        "scheduled_for": stamp(incident.scheduled_for),
        "scheduled_until": stamp(incident.scheduled_until),
        "scheduled_remind_prior": flags.get("scheduled_remind_prior", False),
        "scheduled_reminded_at": None,
        "scheduled_auto_in_progress": flags.get("scheduled_auto_in_progress", False),
        "scheduled_auto_completed": flags.get("scheduled_auto_completed", False),
        "auto_transition_to_maintenance_state": flags.get(
            "auto_transition_to_maintenance_state", False
        ),
        "auto_transition_to_operational_state": flags.get(
            "auto_transition_to_operational_state", False
        ),
        "auto_transition_deliver_notifications_at_start": flags.get(
            "auto_transition_deliver_notifications_at_start", False
        ),
        "auto_transition_deliver_notifications_at_end": flags.get(
            "auto_transition_deliver_notifications_at_end", False
        ),
        "metadata": incident.metadata,
        "shortlink": shortlink(page, incident, base_url),
        "incident_updates": [update_json(incident, u) for u in reversed(incident.updates)],
        "components": [
            component_json(page, page.components[key])
            for key in incident.component_ids
            if key in page.components
        ],
        "postmortem_body": None,
        "postmortem_body_last_updated_at": None,
        "postmortem_ignored": False,
        "postmortem_notified_subscribers": False,
        "postmortem_notified_twitter": False,
        "postmortem_published_at": None,
    }


def shortlink(page: Page, incident: Incident, base_url: str) -> str:
    """Where customers read of the incident."""
    return f"{base_url}/statuspage/pages/{page.id}/incidents/{incident.id}"

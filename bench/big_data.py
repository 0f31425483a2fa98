"""Many incidents, quickly: rows by the thousand, statistically like the demo's, past the commands.

The audit log's chain and the incidents' channels are made up too: this is to be measured, not used.
"""

import hashlib
from dataclasses import dataclass

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from incidentbot.demo.company import PEOPLE, SERVICES
from incidentbot.demo.status_page import open_status_page, plan_work
from incidentbot.extensions import db
from incidentbot.status_pages.connection import Connection, SeenComponent, connect
from incidentbot.status_pages.models import ComponentStatus
from incidentbot.users.actor import OPERATOR
from tests.installation import install
from tests.status_pages.shown import map_components

YEARS = 5
EVENTS_EACH = 20  # on average
PRIVATE = 40  # one in so many
OPEN = 12  # incidents that are open now, however many there were
COLLEAGUES = 5_000  # beside those who run incidents, in either size
SUBSCRIBERS = 2_000  # of the status page, in either size


@dataclass(frozen=True)
class Size:
    """How much there is."""

    incidents: int
    events: int


SMALL = Size(1_000, 20_000)
BIG = Size(100_000, 2_000_000)


def fill(database_url: str, size: Size) -> None:
    """Migrate an empty PostgreSQL database and fill it."""
    app = install(database_url)
    engine = create_engine(database_url)
    _execute(engine, _company())
    with app.app_context():
        _tell_customers(db.session())
        db.engine.dispose()
    _execute(engine, [*_history(size), *_public_history()])
    _settle(engine)
    engine.dispose()


def _execute(engine: Engine, statements: list[str]) -> None:
    with engine.begin() as connection, connection.connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)  # the driver's own: a % is no parameter


def _tell_customers(session: Session) -> None:
    """Switch both status pages on; customers are told of P1 and P2 by itself."""
    open_status_page(session, OPERATOR)
    plan_work(session, OPERATOR)
    connect(session, OPERATOR, Connection("bench", "key"), "Acme", "secret")
    components = [
        SeenComponent(f"c{n}", each.name, ComponentStatus.OPERATIONAL)
        for n, each in enumerate(SERVICES)
    ]
    follows = {f"c{n}": each.slug for n, each in enumerate(SERVICES)}
    map_components(session, OPERATOR, components, follows)


def _settle(engine: Engine) -> None:
    """Have the planner know what there is, and every row marked as visible, as after a night."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _company() -> list[str]:
    people = ",".join(
        f"({_quoted(name)}, {_quoted(name.lower().replace(' ', '.') + '@example.com')}, "
        f"{_quoted(role.value)}, now())"
        for name, role, _ in PEOPLE
    )
    services = ",".join(f"({_quoted(each.slug)}, {_quoted(each.name)})" for each in SERVICES)
    return [
        "DELETE FROM service_owners",
        "DELETE FROM services",
        f"INSERT INTO users (name, email, role, created_at) VALUES {people}",
        # Their names and addresses differ from those of the demo's people.
        f"""
        INSERT INTO users (name, email, slack_user_id, role, created_at)
        SELECT 'Colleague ' || number, 'colleague' || number || '@example.com', 'U9' || number,
               'responder', now() FROM generate_series(1, {COLLEAGUES}) AS number
        """,
        f"INSERT INTO services (slug, name) VALUES {services}",
        "INSERT INTO templates (name, title, severity, summary) VALUES ('Slow', 'Slow', 'P3', '')",
        f"""
        INSERT INTO subscribers (email, created_at, confirmed_at)
        SELECT 'reader' || number || '@example.com', now(), now()
        FROM generate_series(1, {SUBSCRIBERS}) AS number
        """,
    ]


def _history(size: Size) -> list[str]:
    stories = ",".join(
        f"({number}, {_quoted(story.title)}, {_quoted(story.summary)})"
        for number, story in enumerate(story for each in SERVICES for story in each.stories)
    )
    n = size.incidents
    story_count = sum(len(each.stories) for each in SERVICES)
    per_incident = size.events // n
    fake_hash = hashlib.sha256(b"bench").hexdigest()
    return [
        "CREATE TEMPORARY TABLE stories (number int, title text, summary text)",
        f"INSERT INTO stories VALUES {stories}",
        "SELECT setseed(0.42)",
        # Random facts first, so that all else can follow from them.
        f"""
        CREATE TEMPORARY TABLE made AS
        SELECT number, declared_at, severity,
               (SELECT min(id) FROM services) + floor(random() ^ 1.5 * {len(SERVICES)})::int AS service_id,
               (SELECT min(id) FROM users) + floor(random() * {len(PEOPLE)})::int AS commander_id,
               floor(random() * {story_count})::int AS story,
               CASE WHEN number > {n - OPEN} THEN 'investigating'
                    WHEN random() < 0.06 THEN 'cancelled' ELSE 'resolved' END AS status,
               random() < 1.0 / {PRIVATE} AS is_private,
               (median * exp(0.75 * sqrt(-2 * ln(1 - random())) * cos(6.2832 * random())))::int AS lasting,
               (median * 0.09 * exp(0.7 * sqrt(-2 * ln(1 - random())) * cos(6.2832 * random())))::int AS first
        FROM (
            SELECT number,
                   now() - interval '1 hour'
                     - (({n} - number) * interval '{YEARS} years' / {n}) AS declared_at,
                   CASE WHEN luck < 0.05 THEN 'P1' WHEN luck < 0.24 THEN 'P2'
                        WHEN luck < 0.68 THEN 'P3' ELSE 'P4' END AS severity,
                   CASE WHEN luck < 0.05 THEN 3900 WHEN luck < 0.24 THEN 7800
                        WHEN luck < 0.68 THEN 25200 ELSE 90000 END AS median
            FROM (SELECT number, random() AS luck FROM generate_series(1, {n}) AS number) AS dice
        ) AS facts
        """,
        f"""
        INSERT INTO incidents (
            id, number, title, summary, severity, status, service_id, commander_id, declared_by_id,
            declared_at, updated_at, resolved_at, duration_seconds, version, slack_channel_name,
            slack_channel_id, is_private, first_update_at, last_update_at, status_since,
            seconds_declared, seconds_investigating, seconds_identified, seconds_monitoring,
            updates_due, updates_late)
        SELECT made.number, made.number, stories.title, stories.summary, severity, status, service_id,
               commander_id, commander_id, declared_at, declared_at + lasting * interval '1 second',
               CASE WHEN status = 'resolved' THEN declared_at + lasting * interval '1 second' END,
               CASE WHEN status = 'resolved' THEN lasting END,
               {per_incident}, 'inc-' || made.number, 'C' || made.number, is_private,
               declared_at + least(first, lasting) * interval '1 second',
               declared_at + lasting * interval '0.9 second', declared_at,
               lasting / 10, lasting / 2, lasting / 4, lasting / 7,
               CASE severity WHEN 'P4' THEN 0 ELSE 6 END,
               CASE WHEN severity <> 'P4' AND random() < 0.3 THEN 1 ELSE 0 END
        FROM made JOIN stories ON stories.number = made.story
        """,
        f"UPDATE counters SET value = {n} WHERE name = 'incident'",
        f"""
        INSERT INTO timeline_events (incident_id, seq, kind, at, actor_id, actor_name, door, text, data)
        SELECT number, seq,
               CASE WHEN seq = 1 THEN 'declared'
                    WHEN seq = {per_incident} AND status <> 'investigating' THEN status
                    WHEN seq % 5 = 2 THEN 'status' WHEN seq % 5 = 4 THEN 'note' ELSE 'update' END,
               declared_at + lasting * (seq - 1) * interval '1 second' / {per_incident},
               commander_id, 'Somebody', 'web',
               'Numbers are going down slowly, about half of what it was ' || md5((number * seq)::text),
               CASE WHEN seq = {per_incident} AND status <> 'investigating'
                    THEN json_build_object('from', 'monitoring', 'to', status)
                    WHEN seq % 5 = 2 THEN '{{"from": "declared", "to": "investigating"}}'::json
                    ELSE '{{}}'::json END
        FROM made, generate_series(1, {per_incident}) AS seq
        """,
        """
        INSERT INTO incident_people (incident_id, user_id, role, added_at)
        SELECT number, commander_id, 'responder', declared_at FROM made
        """,
        f"""
        INSERT INTO incident_people (incident_id, user_id, role, added_at)
        SELECT number, (SELECT min(id) FROM users) + floor(random() * {len(PEOPLE)})::int,
               'scribe', declared_at FROM made ON CONFLICT DO NOTHING
        """,
        # Most words are common; each incident has a few of its own.
        """
        INSERT INTO incident_search (number, words)
        SELECT made.number, array_to_tsvector(array_remove(
            regexp_split_to_array(lower(title || ' ' || summary), '[^a-z0-9]+')
            || ARRAY['inc', made.number::text, substr(md5(made.number::text), 1, 8)], ''))
        FROM made JOIN stories ON stories.number = made.story
        """,
        f"""
        INSERT INTO deliveries (incident_id, stream, kind, target, payload, dedupe_key, priority,
            state, attempts, in_doubt, due_at, created_at, finished_at)
        SELECT number, 'INC-' || number || '/messages', 'slack.message', 'war-room', '{{}}',
               number || '/' || seq, 5,
               CASE WHEN number % ({n} / 20) = 7 AND seq = 1 THEN 'parked' ELSE 'done' END, 1,
               false, declared_at, declared_at, declared_at
        FROM made, generate_series(1, {per_incident // 3}) AS seq
        """,
        f"""
        INSERT INTO audit_entries (seq, at, action, subject, outcome, override, actor_id, actor_name,
            actor_role, door, origin, before, after, previous_hash, hash)
        SELECT (SELECT max(seq) FROM audit_entries) + row_number() OVER (ORDER BY declared_at, step),
               declared_at,
               (ARRAY['declare', 'post_update', 'move_to', 'resolve'])[1 + step % 4], 'INC-' || number,
               'done', false, commander_id, 'Somebody', 'responder', 'web', '192.0.2.1', '{{}}', '{{}}',
               '{fake_hash}', '{fake_hash}'
        FROM made, generate_series(0, 7) AS step
        """,
        f"UPDATE audit_head SET seq = (SELECT max(seq) FROM audit_entries), hash = '{fake_hash}'",
        """
        INSERT INTO postmortems (incident_id, body, version, updated_at)
        SELECT number, '# Post-mortem', 1, declared_at FROM made
        WHERE status = 'resolved' AND severity IN ('P1', 'P2')
        """,
        # What is open does not grow with what was: people finish, or give up.
        f"""
        INSERT INTO action_items (incident_id, text, owner_id, due_on, created_at, done_at)
        SELECT number, 'Alert before customers do', commander_id, declared_at::date + 30, declared_at,
               CASE WHEN number <= {n} - 600 OR random() < 0.5 THEN declared_at END
        FROM made, generate_series(1, 2) WHERE status = 'resolved'
        """,
        "SELECT setval(pg_get_serial_sequence('incidents', 'id'), (SELECT max(id) FROM incidents))",
    ]


def _public_history() -> list[str]:
    """What customers were told of those: of P1 and P2 that are not private, of services shown to them."""
    return [
        """
        CREATE TEMPORARY TABLE told AS
        SELECT incidents.*, public_services.name AS public_name
        FROM incidents JOIN public_services USING (service_id)
        WHERE severity IN ('P1', 'P2') AND NOT is_private AND incidents.status <> 'cancelled'
        """,
        """
        INSERT INTO public_incidents (incident_id, title, status, impact, opened_at, updated_at, resolved_at)
        SELECT id, 'Problems with ' || public_name,
               CASE WHEN resolved_at IS NULL THEN 'investigating' ELSE 'resolved' END,
               CASE severity WHEN 'P1' THEN 'critical' ELSE 'major' END,
               declared_at, coalesce(resolved_at, declared_at), resolved_at
        FROM told
        """,
        """
        INSERT INTO public_updates (incident_id, seq, status, body, at)
        SELECT id, seq, (ARRAY['investigating', 'identified', 'resolved'])[seq],
               'We are working on it and will tell you more soon.',
               declared_at + (seq - 1) * (resolved_at - declared_at) / 2
        FROM told, generate_series(1, 3) AS seq WHERE resolved_at IS NOT NULL
        """,
        """
        INSERT INTO public_updates (incident_id, seq, status, body, at)
        SELECT id, 1, 'investigating', 'We are working on it.', declared_at
        FROM told WHERE resolved_at IS NULL
        """,
        """
        INSERT INTO component_states (service_id, status, at)
        SELECT service_id,
               CASE severity WHEN 'P1' THEN 'major_outage' ELSE 'partial_outage' END, declared_at
        FROM told
        UNION ALL
        SELECT service_id, 'operational', resolved_at FROM told WHERE resolved_at IS NOT NULL
        ORDER BY 3
        """,
        "UPDATE public_services SET shown_since = now() - interval '5 years'",
    ]


def _quoted(words: str) -> str:
    return "'" + words.replace("'", "''") + "'"

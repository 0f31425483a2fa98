"""Who hears of what: one table for every severity and kind of event, and what holds for all of them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidentbot.channels.slack.senders import handlers
from incidentbot.incidents.lifecycle import Severity, renotifies
from incidentbot.incidents.models import EventKind
from incidentbot.outbox.publish import Effect
from incidentbot.routing.plan import (
    WAR_ROOM,
    Audience,
    IncidentEvent,
    Level,
    Moment,
    is_relied_on,
    moment_of,
    plan,
    war_room_key,
)

P1, P2, P3, P4 = Severity
LEVELS = {
    P1: Level(("#general", "#engineering"), ("U1", "U2")),
    P2: Level(("#engineering",)),
    P3: Level(),
    P4: Level(),
}
NOBODY = Level()
SOON = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)

CARD, TOPIC, MESSAGE = "slack.card", "slack.topic", "slack.message"
UPDATES_CARD = [TOPIC, MESSAGE, CARD]
IN_CHANNEL = {
    EventKind.DECLARED: ["slack.war_room", CARD, "slack.bookmark", TOPIC],
    EventKind.UPDATE: UPDATES_CARD,
    EventKind.STATUS: UPDATES_CARD,
    EventKind.SEVERITY: UPDATES_CARD,
    EventKind.RESOLVED: UPDATES_CARD,
    EventKind.REOPENED: UPDATES_CARD,
    EventKind.CANCELLED: UPDATES_CARD,
    EventKind.COMMANDER: UPDATES_CARD,
    EventKind.TAKEOVER: UPDATES_CARD,
    EventKind.NOTE: [MESSAGE],
    EventKind.POSTMORTEM: [MESSAGE],
    EventKind.CHANNEL: [],
    EventKind.DELIVERY: [MESSAGE],
    EventKind.PEOPLE: [MESSAGE],
    EventKind.ACTION_ITEM: [MESSAGE],
    EventKind.PUBLIC: [MESSAGE],
}
# What channels and people elsewhere get who were told of the incident: their card brought up to
# date, and a message of its own where it is the end of what they were told of.
NOTHING, UPDATED, TOLD = [], ["slack.announcement"], ["slack.announcement", MESSAGE]
ELSEWHERE = {
    EventKind.UPDATE: UPDATED,
    EventKind.STATUS: UPDATED,
    EventKind.SEVERITY: UPDATED,
    EventKind.RESOLVED: TOLD,
    EventKind.REOPENED: TOLD,
    EventKind.CANCELLED: TOLD,
    EventKind.COMMANDER: UPDATED,
    EventKind.TAKEOVER: UPDATED,
    EventKind.NOTE: NOTHING,
    EventKind.POSTMORTEM: NOTHING,
    EventKind.CHANNEL: UPDATED,
    EventKind.DELIVERY: NOTHING,
    EventKind.PEOPLE: NOTHING,
    EventKind.ACTION_ITEM: NOTHING,
    EventKind.PUBLIC: NOTHING,
}


def happened(kind: EventKind, severity: Severity = P1) -> IncidentEvent:
    return IncidentEvent(
        incident_id=7,
        reference="INC-7",
        kind=kind,
        seq=1 if kind is EventKind.DECLARED else 5,
        severity=severity,
    )


def kinds(effects: list[Effect], target: str) -> list[str]:
    return [effect.kind for effect in effects if effect.target == target]


def outside(effects: list[Effect]) -> list[Effect]:
    return [effect for effect in effects if effect.target != WAR_ROOM]


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("kind", EventKind)
def test_the_incidents_own_channel_hears_the_same_whatever_the_severity(
    kind: EventKind, severity: Severity
) -> None:
    level = LEVELS[severity]
    told = NOBODY if kind is EventKind.DECLARED else level
    assert kinds(plan(happened(kind, severity), level, told, {}), WAR_ROOM) == IN_CHANNEL[kind]


def test_what_the_channel_is_spared_is_told_nowhere() -> None:
    event = replace(happened(EventKind.DELIVERY), in_channel=False)
    assert plan(event, LEVELS[P1], LEVELS[P1], {}) == []


def test_the_channel_hears_of_what_people_rely_on_and_not_of_its_own_messages() -> None:
    told = {
        (kind, target)
        for kind in handlers(None)
        for target in (WAR_ROOM, "#general", "U0KEN")
        if is_relied_on(kind, target)
    }
    assert ("slack.dm", "U0KEN") in told
    assert ("slack.announcement", "#general") in told
    assert ("slack.remove", WAR_ROOM) in told  # else its people would not know who still reads it
    assert ("slack.message", "#general") in told
    assert ("slack.message", WAR_ROOM) not in told  # or one that fails would tell of itself
    assert ("slack.war_room", WAR_ROOM) not in told
    assert ("slack.topic", WAR_ROOM) not in told


@pytest.mark.parametrize("severity", Severity)
def test_a_declaration_is_announced_to_everyone_of_its_severity(severity: Severity) -> None:
    level = LEVELS[severity]
    effects = outside(plan(happened(EventKind.DECLARED, severity), level, NOBODY, {}))
    assert [(effect.kind, effect.target) for effect in effects] == [
        *(("slack.announcement", channel) for channel in level.channels),
        *(("slack.dm", person) for person in level.people),
    ]


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("kind", ELSEWHERE)
def test_later_events_reach_those_who_were_told_of_the_incident(
    kind: EventKind, severity: Severity
) -> None:
    told = LEVELS[severity]
    effects = plan(happened(kind, severity), told, told, {})
    for channel in told.channels:
        assert kinds(effects, channel) == ELSEWHERE[kind]
    for person in told.people:
        assert kinds(effects, person) == (["slack.dm"] if ELSEWHERE[kind] is TOLD else [])
    assert {effect.target for effect in outside(effects)} <= {*told.channels, *told.people}


@pytest.mark.parametrize("new", Severity)
@pytest.mark.parametrize("old", Severity)
def test_only_an_escalation_to_p1_or_p2_is_told_to_people_and_new_channels(
    old: Severity, new: Severity
) -> None:
    told, level = LEVELS[old], LEVELS[new]
    event = replace(happened(EventKind.SEVERITY, new), previous_severity=old)
    effects = plan(event, level, told, {})
    spoken_to = {effect.target for effect in effects if effect.kind in ("slack.dm", MESSAGE)}
    shown = {effect.target for effect in effects if effect.kind == "slack.announcement"}
    if renotifies(old, new):
        again = {channel for channel in level.channels if channel in told.channels}
        assert spoken_to == {WAR_ROOM, *again, *level.people}
        assert shown == {*told.channels, *level.channels}
    else:
        assert spoken_to == {WAR_ROOM}
        assert shown == {*told.channels}  # the cards there show the new severity


def test_an_audience_that_was_told_before_a_downgrade_hears_the_end_all_the_same() -> None:
    effects = plan(happened(EventKind.RESOLVED, P4), LEVELS[P4], LEVELS[P1], {})
    assert kinds(effects, "#general") == TOLD
    assert kinds(effects, "U1") == ["slack.dm"]


def test_each_kind_of_event_is_one_moment_or_none() -> None:
    moments = {kind: moment_of(happened(kind)) for kind in EventKind}
    assert {kind for kind, moment in moments.items() if moment is Moment.START} == {
        EventKind.DECLARED
    }
    assert {kind for kind, moment in moments.items() if moment is Moment.UPDATE} == {
        EventKind.UPDATE,
        EventKind.STATUS,
    }
    assert {kind for kind, moment in moments.items() if moment is Moment.END} == {
        EventKind.RESOLVED,
        EventKind.REOPENED,
        EventKind.CANCELLED,
    }


@pytest.mark.parametrize("old, new", [(P2, P1), (P4, P3), (P1, P2)])
def test_getting_as_bad_as_p1_or_p2_is_a_start(old: Severity, new: Severity) -> None:
    event = replace(happened(EventKind.SEVERITY, new), previous_severity=old)
    assert (moment_of(event) is Moment.START) is renotifies(old, new)


@pytest.mark.parametrize("kind", [EventKind.UPDATE, EventKind.STATUS])
def test_an_update_is_told_to_those_whose_rules_say_so(kind: EventKind) -> None:
    level = Level(("#start",), ("U1",), on_update=Audience(("#start", "#more"), ("U2",)))
    effects = plan(happened(kind), level, Audience(("#start",), ("U1",)), {})
    assert kinds(effects, "#start") == TOLD
    assert kinds(effects, "#more") == [MESSAGE]
    assert kinds(effects, "U2") == ["slack.dm"]
    assert kinds(effects, "U1") == []


def test_the_end_spares_those_whose_rules_say_so_and_reaches_those_who_asked_for_it_alone() -> None:
    level = Level(
        ("#start",), (), on_end=Audience(("#end",), ("U3",)), not_on_end=frozenset({"#start"})
    )
    effects = plan(happened(EventKind.RESOLVED), level, Audience(("#start", "#gone"), ("U1",)), {})
    assert kinds(effects, "#start") == UPDATED  # the card there still follows
    assert kinds(effects, "#gone") == TOLD  # no rule names it any more
    assert kinds(effects, "#end") == [MESSAGE]
    assert (kinds(effects, "U1"), kinds(effects, "U3")) == (["slack.dm"], ["slack.dm"])


def test_a_person_told_too_recently_is_skipped_with_the_reason() -> None:
    effects = plan(happened(EventKind.DECLARED), LEVELS[P1], NOBODY, {"U1": SOON})
    reasons = {e.target: e.skip_reason for e in effects if e.kind == "slack.dm"}
    assert reasons["U1"] is not None
    assert reasons["U1"].startswith("throttled")
    assert reasons["U2"] is None


@pytest.mark.parametrize(
    "kind", [EventKind.RESOLVED, EventKind.REOPENED, EventKind.CANCELLED], ids=str
)
def test_the_end_is_put_off_rather_than_skipped(kind: EventKind) -> None:
    effects = plan(happened(kind), LEVELS[P1], LEVELS[P1], {"U1": SOON})
    soon, at_once = (e for e in effects if e.kind == "slack.dm")
    assert (soon.target, soon.skip_reason, soon.due_at) == ("U1", None, SOON)
    assert soon.payload["put_off"]
    assert (at_once.target, at_once.skip_reason, at_once.due_at) == ("U2", None, None)
    assert "put_off" not in at_once.payload


def test_people_who_belong_in_the_channel_are_invited() -> None:
    event = replace(happened(EventKind.COMMANDER), invite=("U7", "U8"))
    (invite,) = [e for e in plan(event, NOBODY, NOBODY, {}) if e.kind == "slack.invite"]
    assert (invite.target, invite.payload) == (WAR_ROOM, {"users": ["U7", "U8"]})
    assert invite.waits_for == war_room_key("INC-7")


def test_a_worse_incident_leaves_first() -> None:
    priorities = [
        {
            effect.priority
            for effect in plan(happened(EventKind.UPDATE, severity), *[NOBODY] * 2, {})
        }
        for severity in Severity
    ]
    assert priorities == [{1}, {2}, {3}, {4}]


names = st.lists(st.sampled_from([f"#c{n}" for n in range(5)]), unique=True).map(tuple)
people = st.lists(st.sampled_from([f"U{n}" for n in range(5)]), unique=True).map(tuple)
audiences = st.builds(Level, names, people)
events = st.builds(
    IncidentEvent,
    incident_id=st.just(7),
    reference=st.just("INC-7"),
    kind=st.sampled_from(EventKind),
    seq=st.integers(1, 10_000),
    severity=st.sampled_from(Severity),
    previous_severity=st.none() | st.sampled_from(Severity),
    invite=people,
)


@settings(max_examples=150)
@given(
    events,
    audiences,
    audiences,
    st.dictionaries(st.sampled_from([f"U{n}" for n in range(5)]), st.just(SOON)),
)
def test_whatever_happens_every_effect_is_sound(
    event: IncidentEvent, level: Level, told: Level, throttled: dict[str, datetime]
) -> None:
    effects = plan(event, level, told, throttled)

    keys = [effect.dedupe_key for effect in effects]
    assert len(set(keys)) == len(keys)
    assert all(len(key) <= 250 for key in keys)
    assert {effect.kind for effect in effects} <= handlers(None).keys()
    assert {effect.incident_id for effect in effects} <= {7}
    # Nobody hears of it who is not of this level and was not told before.
    known = {*level.channels, *level.people, *told.channels, *told.people}
    assert {effect.target for effect in outside(effects)} <= known

    for effect in effects:
        in_channel = effect.target == WAR_ROOM and effect.kind != "slack.war_room"
        assert effect.waits_for == (war_room_key("INC-7") if in_channel else None)
        assert effect.newest_only == (effect.kind in (CARD, TOPIC, "slack.announcement"))
        too_soon = effect.kind == "slack.dm" and effect.target in throttled
        is_end = moment_of(event) is Moment.END
        assert (effect.skip_reason is not None) == (too_soon and not is_end)
        assert (effect.due_at is not None) == (too_soon and is_end)
        # Another incident's message never waits behind this one's.
        assert effect.stream.startswith("INC-7/")


@settings(max_examples=50)
@given(st.lists(events, min_size=2, max_size=4, unique_by=lambda event: event.seq), audiences)
def test_events_of_one_incident_never_share_a_dedupe_key(
    story: list[IncidentEvent], audience: Level
) -> None:
    keys = [e.dedupe_key for event in story for e in plan(event, audience, audience, {})]
    assert len(set(keys)) == len(keys)


@settings(max_examples=50)
@given(events, audiences)
def test_the_card_elsewhere_leaves_before_the_message_that_follows_it(
    event: IncidentEvent, audience: Level
) -> None:
    effects = plan(event, audience, audience, {})
    for channel in audience.channels:
        told = [effect for effect in effects if effect.target == channel]
        assert [effect.kind for effect in told] in ([], UPDATED, TOLD)
        assert len({effect.stream for effect in told}) <= 1


def test_the_key_that_others_wait_for_is_that_of_the_declarations_channel() -> None:
    effects = plan(happened(EventKind.DECLARED), NOBODY, NOBODY, {})
    assert [e.dedupe_key for e in effects if e.kind == "slack.war_room"] == [war_room_key("INC-7")]

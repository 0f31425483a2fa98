"""The workspace a sandbox starts with. Its ids are stable, so configuration can name them."""

from __future__ import annotations

import time

from incidentbot.sandbox.slack.lookup import next_ts
from incidentbot.sandbox.slack.model import Channel, Message, Note, User, Usergroup, Workspace

TEAM_ID = "T0SANDBOX0"
APP_ID = "A0INCIDENT"
BOT_USER_ID = "U0INCBOT00"
BOT_ID = "B0INCBOT00"

ADA, GRACE, LINUS = "U0ADA0000A", "U0GRACE00A", "U0LINUS00A"
MARGARET, KEN, PRIYA = "U0MARGARET", "U0KEN0000A", "U0PRIYA00A"
GENERAL, ENGINEERING = "C0GENERAL0", "C0ENGINEER"
RANDOM, SUPPORT = "C0RANDOM00", "C0SUPPORT0"
ON_CALL = "S0ONCALL00"

_PEOPLE = (
    (ADA, "ada", "Ada Winter", "Head of SRE", "Europe/London", "GMT", 0, "7c3aed", True),
    (GRACE, "grace", "Grace Okafor", "Staff Engineer", "America/New_York", "EST", -18000,
     "0f766e", False),
    (LINUS, "linus", "Linus Berg", "Platform Engineer", "Europe/Helsinki", "EET", 7200,
     "b45309", False),
    (MARGARET, "margaret", "Margaret Chen", "Head of Support", "America/Chicago", "CST",
     -21600, "be185d", False),
    (KEN, "ken", "Ken Alvarez", "Backend Engineer", "America/Los_Angeles", "PST", -28800,
     "1d4ed8", False),
    (PRIYA, "priya", "Priya Nair", "VP Engineering", "Asia/Kolkata", "IST", 19800,
     "15803d", False),
)  # fmt: skip


def default_workspace(now: float | None = None) -> Workspace:
    """Six people, one user group, four channels, the bot, and a word of welcome."""
    now = time.time() if now is None else now
    ws = Workspace(
        team_id=TEAM_ID,
        team_name="Sandbox workspace",
        team_domain="sandbox",
        app_id=APP_ID,
        bot_user=BOT_USER_ID,
    )
    for uid, name, real_name, title, tz, label, offset, color, admin in _PEOPLE:
        ws.users[uid] = User(
            id=uid,
            name=name,
            real_name=real_name,
            email=f"{name}@example.com",
            title=title,
            tz=tz,
            tz_label=label,
            tz_offset=offset,
            color=color,
            is_admin=admin,
        )
    ws.users[BOT_USER_ID] = User(
        id=BOT_USER_ID,
        name="incidentbot",
        real_name="incidentbot",
        color="334155",
        is_bot=True,
        bot_id=BOT_ID,
    )
    ws.usergroups[ON_CALL] = Usergroup(
        id=ON_CALL,
        handle="oncall",
        name="On call",
        description="Who carries the pager this week",
        users=[ADA, LINUS],
        created=int(now),
    )
    everyone = [uid for uid, *_ in _PEOPLE]
    engineers = [ADA, GRACE, LINUS, KEN, PRIYA]
    _channel(ws, now, GENERAL, "general", everyone, "Company-wide announcements")
    _channel(ws, now, ENGINEERING, "engineering", engineers, "Builds, deploys and design")
    _channel(ws, now, RANDOM, "random", everyone, "Non-work chatter")
    _channel(ws, now, SUPPORT, "support", [MARGARET, ADA, KEN], "What customers tell us")
    ws.channels[GENERAL].is_general = True
    welcome = "Welcome. Type `/incident` in any channel to see what incidentbot can do."
    ws.channels[GENERAL].messages.append(Message(ts=next_ts(ws, now), user=ADA, text=welcome))
    for channel in ws.channels.values():
        channel.last_read = dict.fromkeys(channel.members, f"{now + 1:.6f}")
    return ws


def _channel(
    ws: Workspace, now: float, cid: str, name: str, members: list[str], purpose: str
) -> None:
    ws.channels[cid] = Channel(
        id=cid,
        name=name,
        creator=ADA,
        created=int(now),
        members=list(members),
        purpose=Note(purpose, ADA, int(now)),
    )

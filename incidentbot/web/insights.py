"""Insights: how incidents went, as figures, charts and CSV."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flask import Blueprint, Response, abort, render_template, request
from flask_login import current_user

from incidentbot.extensions import db
from incidentbot.incidents import insights, queries
from incidentbot.incidents.insight_answers import Insights, Question, Summary
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import Service
from incidentbot.web.access import actor
from incidentbot.web.csv_files import csv_line
from incidentbot.web.insight_charts import Chart, Measure, charts, duration, share
from incidentbot.web.times import day_in_words
from incidentbot.web.zones import is_zone, own_zone, today_in, zone_of

blueprint = Blueprint("insights", __name__)

# What `period` may be: its words, and its days.
PERIODS: dict[str, tuple[str, int | None]] = {
    "30d": ("30 days", 30),
    "90d": ("90 days", 90),
    "12m": ("12 months", 365),
    "all": ("All time", None),
}
DEFAULT_PERIOD = "90d"
EARLIEST = date(2000, 1, 1)


@dataclass(frozen=True)
class Filter:
    """What the address asks for: `period` is None for dates of one's own; `notes` tell what was ignored.

    `zone` is None where the days are those of the reader's own page, or of UTC.
    """

    question: Question
    period: str | None
    service: str
    zone: str | None
    notes: tuple[str, ...]

    def arguments(self, period: str | None = None) -> dict[str, object]:
        """Return the arguments of the address that asks for the same, or for another period."""
        days = (
            {"period": period or self.period}
            if period or self.period
            else {"from": self.question.first, "to": self.question.last}
        )
        return {
            **days,
            "severity": [severity.value for severity in self.question.severities],
            "service": self.service or None,
            "zone": self.zone,
        }


@dataclass(frozen=True)
class Headline:
    """A figure on top of the page, and in words how it was before."""

    title: str
    words: str
    before: str


@blueprint.get("/insights")
def index() -> str:
    """Show how incidents went. For everyone signed in; private incidents count for their people only."""
    services = queries.list_every_service(db.session())
    chosen = _read_filter(services)
    answer = insights.ask(db.session(), chosen.question, actor())
    return render_template(
        "insights/index.html",
        chosen=chosen,
        periods=PERIODS,
        services=services,
        first=chosen.question.first or answer.over_time[0].start,
        headlines=_headlines(answer, chosen.question.days),
        charts=charts(answer, {service.id: service.name for service in services}),
        is_empty=answer.all.incidents == 0 and not answer.items,
    )


@blueprint.get("/insights/<name>.csv")
def download(name: str) -> Response:
    """Return one chart's table as CSV, with the same filter. For everyone signed in."""
    services = queries.list_every_service(db.session())
    chosen = _read_filter(services)
    answer = insights.ask(db.session(), chosen.question, actor())
    drawn = charts(answer, {service.id: service.name for service in services})
    chart = next((chart for chart in drawn if chart.name == name), None) or abort(404)
    return _as_csv(chart)


def _as_csv(chart: Chart) -> Response:
    units = {Measure.COUNT: "", Measure.SECONDS: " (seconds)", Measure.PERCENT: " (percent)"}
    head = [column.title + units[column.measure] for column in chart.columns]
    lines = [csv_line([chart.rows_of, *head])]
    lines += [csv_line([label, *(cell.value for cell in cells)]) for label, cells in chart.rows]
    response = Response("".join(lines), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=f"{chart.name}.csv")
    return response


def _read_filter(services: Sequence[Service]) -> Filter:
    notes: list[str] = []
    zone = _read_zone(notes)
    today = today_in(zone)
    period, first, last = _read_days(today, notes)
    slug = request.args.get("service", "")
    service = next((each for each in services if each.slug == slug), None)
    if slug and service is None:
        notes.append("There is no such service: all are shown.")
    return Filter(
        Question(
            first=first,
            last=last,
            today=today,
            zone=zone,
            severities=_read_severities(notes),
            service_id=None if service is None else service.id,
        ),
        period,
        service.slug if service else "",
        None if own_zone(current_user) or zone == "UTC" else zone,
        tuple(notes),
    )


def _read_zone(notes: list[str]) -> str:
    named = request.args.get("zone", "")
    if named and not is_zone(named):
        notes.append("There is no such time zone: days are your own.")
    return zone_of(current_user, named)


def _read_days(today: date, notes: list[str]) -> tuple[str | None, date | None, date]:
    """Return the period, or None for dates of one's own, with the first and last day."""
    given = {name: request.args.get(name, "") for name in ("from", "to")}
    if any(given.values()):
        try:
            last = date.fromisoformat(given["to"]) if given["to"] else today
            first = (
                date.fromisoformat(given["from"]) if given["from"] else last - timedelta(days=89)
            )
        except (ValueError, OverflowError):
            notes.append("Write dates as 2026-12-31. The last 90 days are shown.")
        else:
            starts_later = first > today
            if first > last:
                notes.append("The first day was after the last day: the two are swapped.")
            first, last = min(first, last), max(first, last)
            if starts_later or last < EARLIEST:
                notes.append("There is nothing in those days. The last 90 days are shown.")
            else:
                if first < EARLIEST:
                    notes.append(
                        f"Figures begin on {day_in_words(EARLIEST)}, so that is the first day."
                    )
                if last > today:
                    notes.append("Days to come have no figures: the last day is today.")
                return _as_period(today, max(first, EARLIEST), min(last, today))
    period = request.args.get("period", DEFAULT_PERIOD)
    if period not in PERIODS:
        notes.append("There is no such period: the last 90 days are shown.")
        period = DEFAULT_PERIOD
    days = PERIODS[period][1]
    return period, None if days is None else today - timedelta(days=days - 1), today


def _as_period(today: date, first: date, last: date) -> tuple[str | None, date, date]:
    """Return the days, and the period that they are today, if they are one."""
    days = (last - first).days + 1
    same = (name for name, (_, length) in PERIODS.items() if length == days and last == today)
    return next(same, None), first, last


def _read_severities(notes: list[str]) -> tuple[Severity, ...]:
    typed = {value.upper() for value in request.args.getlist("severity")}
    chosen = tuple(severity for severity in Severity if severity.value in typed)
    if typed - set(Severity) - {""}:
        notes.append("There are four severities, P1 to P4. What else was asked for is left out.")
    return () if len(chosen) == len(Severity) else chosen


def _headlines(answer: Insights, days: int | None) -> list[Headline]:
    period = "the day before" if days == 1 else f"in the {days} days before"
    figures: dict[str, Callable[[Summary], str]] = {
        "Incidents": lambda summary: str(summary.incidents),
        "Median time to first update": lambda summary: duration(summary.first_update.p50),
        "Median time to resolve": lambda summary: duration(summary.resolve.p50),
        "Updates in time": lambda summary: share(summary.kept),
    }
    return [
        Headline(
            title,
            words(answer.all),
            "" if answer.before is None else f"{words(answer.before)} {period}",
        )
        for title, words in figures.items()
    ]

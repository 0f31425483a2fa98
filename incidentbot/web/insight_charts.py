"""The charts of the insights page: each a table of its own, which the page draws and a CSV holds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from incidentbot.incidents.durations import in_words
from incidentbot.incidents.insight_answers import STATUSES, Bucket, Insights, Spread, Summary, Unit
from incidentbot.incidents.lifecycle import Severity
from incidentbot.web.times import day_in_words

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SERVICES_DRAWN = 12


class Measure(StrEnum):
    """What a chart's numbers are."""

    COUNT = "count"
    SECONDS = "seconds"
    PERCENT = "percent"


@dataclass(frozen=True)
class Column:
    """A column of a chart's table. `colour` names the colour it is drawn in; "" for not drawn."""

    title: str
    measure: Measure = Measure.COUNT
    colour: str = ""


@dataclass(frozen=True)
class Cell:
    """A number, and the words in which the table shows it; no number where there was nothing."""

    value: float | None
    words: str


@dataclass(frozen=True)
class Chart:
    """A table to be drawn. `rows_of` titles the first column; each row is its label, then its cells.

    `lying` charts have their bars from left to right. `drawn` rows are drawn, the table has all.
    """

    name: str
    title: str
    hint: str
    rows_of: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    stacked: bool = False
    lying: bool = False
    wide: bool = False
    drawn: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(
            cell.value
            for _, cells in self.rows
            for cell, column in zip(cells, self.columns, strict=True)
            if column.colour
        )


def charts(insights: Insights, services: Mapping[int, str]) -> list[Chart]:
    """Return every chart, in the order of the page. `services` are their names by id."""
    return [
        _over_time(insights),
        _times(
            insights,
            "time-to-first-update",
            "Time to first update",
            "Median and 90th percentile, from the declaration to the first update.",
            lambda summary: summary.first_update,
        ),
        _times(
            insights,
            "time-to-resolve",
            "Time to resolve",
            "Median and 90th percentile, from the declaration to the resolution.",
            lambda summary: summary.resolve,
        ),
        _in_status(insights),
        _services(insights, services),
        _hours(insights),
        _weekdays(insights),
        _cadence(insights),
        _items(insights, services),
    ]


def duration(seconds: float | None) -> str:
    """Say how long something took; a dash where there was nothing to measure."""
    return "–" if seconds is None else in_words(timedelta(seconds=round(seconds)))


def share(value: float | None) -> str:
    """Say a share of 1 in percent. What is not quite all is never called 100%."""
    if value is None:
        return "–"
    return f"{round(value * 100) if value in (0, 1) else min(99, max(1, round(value * 100)))}%"


def _over_time(insights: Insights) -> Chart:
    severities = list(insights.by_severity)
    return Chart(
        "over-time",
        "Incidents over time",
        f"Declared in each {insights.unit.value}, by the severity they have now.",
        insights.unit.value.capitalize(),
        (*_severity_columns(severities), Column("All")),
        [
            (
                bucket_label(bucket, insights.unit),
                [
                    *(_count(bucket.by_severity[severity]) for severity in severities),
                    _count(sum(bucket.by_severity.values())),
                ],
            )
            for bucket in insights.over_time
        ],
        stacked=True,
        wide=True,
    )


def bucket_label(bucket: Bucket, unit: Unit) -> str:
    """Name a day or month, or a week by its Monday."""
    return f"{bucket.start:%b %Y}" if unit is Unit.MONTH else day_in_words(bucket.start)


def _times(
    insights: Insights, name: str, title: str, hint: str, spread: Callable[[Summary], Spread]
) -> Chart:
    seconds = Measure.SECONDS
    return Chart(
        name,
        title,
        hint,
        "Severity",
        (
            Column("Median", seconds, "first"),
            Column("90th percentile", seconds, "second"),
            Column("Mean", seconds),
            Column("Incidents"),
        ),
        [
            (label, [*map(_seconds, (each.p50, each.p90, each.mean)), _count(each.count)])
            for label, summary in _by_severity(insights)
            for each in [spread(summary)]
        ],
    )


def _in_status(insights: Insights) -> Chart:
    return Chart(
        "time-in-status",
        "Time in each status",
        "Mean of the resolved incidents: where the time goes.",
        "Severity",
        tuple(
            Column(status.value.capitalize(), Measure.SECONDS, colour)
            for status, colour in zip(STATUSES, ("first", "second", "third", "fourth"), strict=True)
        ),
        [
            (label, [_seconds(summary.in_status.get(status)) for status in STATUSES])
            for label, summary in _by_severity(insights)
        ],
        stacked=True,
        lying=True,
    )


def _services(insights: Insights, names: Mapping[int, str]) -> Chart:
    by_count = sorted(
        insights.by_service.items(), key=lambda item: (-item[1].incidents, names.get(item[0], ""))
    )
    return Chart(
        "services",
        "By service",
        "How many incidents each service had.",
        "Service",
        (Column("Incidents", colour="first"), Column("Median time to resolve", Measure.SECONDS)),
        [
            (names.get(service_id, "?"), [_count(each.incidents), _seconds(each.resolve.p50)])
            for service_id, each in by_count
        ],
        lying=True,
        drawn=SERVICES_DRAWN,
    )


def _hours(insights: Insights) -> Chart:
    return Chart(
        "hours",
        "By hour of the day",
        "When incidents are declared, on each weekday.",
        "Hour",
        (Column("All days", colour="first"), *(Column(day) for day in WEEKDAYS)),
        [
            (
                f"{hour:02}:00",
                [_count(sum(day[hour] for day in insights.hours))]
                + [_count(day[hour]) for day in insights.hours],
            )
            for hour in range(24)
        ],
    )


def _weekdays(insights: Insights) -> Chart:
    return Chart(
        "weekdays",
        "By weekday",
        "On which days incidents are declared.",
        "Weekday",
        (Column("Incidents", colour="first"),),
        [(day, [_count(sum(insights.hours[number]))]) for number, day in enumerate(WEEKDAYS)],
    )


def _cadence(insights: Insights) -> Chart:
    return Chart(
        "cadence",
        "Update cadence kept",
        "The share of updates due that came in time; open incidents count up to now.",
        "Severity",
        (Column("In time", Measure.PERCENT, "first"), Column("Updates due"), Column("Late")),
        [
            (
                label,
                [
                    Cell(
                        None if each.kept is None else round(each.kept * 100, 1), share(each.kept)
                    ),
                    _count(each.updates_due),
                    _count(each.updates_late),
                ],
            )
            for label, each in _by_severity(insights)
        ],
        lying=True,
    )


def _items(insights: Insights, names: Mapping[int, str]) -> Chart:
    by_count = sorted(
        insights.items.items(), key=lambda item: (-item[1].open, names.get(item[0], ""))
    )
    return Chart(
        "action-items",
        "Open action items",
        "Those open today, whenever their incident was.",
        "Service",
        (Column("Overdue", colour="alarm"), Column("Not due yet", colour="first"), Column("All")),
        [
            (
                names.get(service_id, "?"),
                [_count(each.overdue), _count(each.open - each.overdue), _count(each.open)],
            )
            for service_id, each in by_count
        ],
        stacked=True,
        lying=True,
        drawn=SERVICES_DRAWN,
    )


def _by_severity(insights: Insights) -> list[tuple[str, Summary]]:
    rows = [(severity.value, summary) for severity, summary in insights.by_severity.items()]
    return [*rows, ("All", insights.all)] if len(rows) > 1 else rows


def _severity_columns(severities: Iterable[Severity]) -> list[Column]:
    return [Column(severity.value, colour=severity.value.lower()) for severity in severities]


def _count(value: int) -> Cell:
    return Cell(value, str(value))


def _seconds(value: float | None) -> Cell:
    return Cell(value if value is None else round(value), duration(value))

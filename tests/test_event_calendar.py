"""Scheduled events: published dates, the rules beyond them, and their places on a session calendar."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from sim.calendar import SessionCalendar
from sim.event_calendar import EventKind, dates_by_rule, event_schedule, scheduled_dates

FIRST, LAST = np.datetime64("2000-01-01"), np.datetime64("2026-12-31")


def published(kind: EventKind) -> list[date]:
    return [day.astype(object) for day in scheduled_dates(kind, FIRST, LAST)]


# dates from the institutions' own calendars, entered by hand
@pytest.mark.parametrize(
    ("kind", "days"),
    [
        (
            EventKind.FOMC,
            "2019-01-30 2019-03-20 2019-05-01 2019-06-19 2019-07-31 2019-09-18 2019-10-30 2019-12-11",
        ),
        (
            EventKind.FOMC,
            "2024-01-31 2024-03-20 2024-05-01 2024-06-12 2024-07-31 2024-09-18 2024-11-07 2024-12-18",
        ),
        (
            EventKind.CPI,
            "2019-01-11 2019-02-13 2019-03-12 2019-04-10 2019-05-10 2019-06-12"
            " 2019-07-11 2019-08-13 2019-09-12 2019-10-10 2019-11-13 2019-12-11",
        ),
        (
            EventKind.PPI,
            "2024-01-12 2024-02-16 2024-03-14 2024-04-11 2024-05-14 2024-06-13"
            " 2024-07-12 2024-08-13 2024-09-12 2024-10-11 2024-11-14 2024-12-12",
        ),
    ],
)
def test_known_years(kind: EventKind, days: str) -> None:
    year = days[:4]
    assert [str(day) for day in published(kind) if str(day.year) == year] == days.split()


def test_eight_decisions_and_twelve_releases_a_year() -> None:
    decisions = Counter(day.year for day in published(EventKind.FOMC))
    assert {year: n for year, n in decisions.items() if n != 8} == {2020: 7}  # one was held early, unscheduled
    for kind in (EventKind.CPI, EventKind.PPI):
        releases = Counter(day.year for day in published(kind))
        odd = {year for year, n in releases.items() if n != 12}
        assert odd <= {2025, 2026}  # delayed by the closure of the government in autumn 2025, which cost one of each
        assert sum(releases.values()) == 27 * 12 - 1


def test_dates_obey_what_the_institutions_say_of_them() -> None:
    """FOMC decisions on Tuesdays to Thursdays, five to eight weeks apart; releases on weekdays in mid-month."""
    decisions = published(EventKind.FOMC)
    assert {day.weekday() for day in decisions} <= {1, 2, 3}
    gaps = sorted((b - a).days for a, b in pairwise(decisions))
    assert gaps[0] >= 34
    assert gaps[-2] <= 58
    assert gaps[-1] == 91  # the meeting of March 2020 was held early
    for kind in (EventKind.CPI, EventKind.PPI):
        releases = published(kind)
        assert all(day.weekday() < 5 for day in releases)
        in_second_third = [8 <= day.day <= 22 for day in releases]
        assert np.mean(in_second_third) > 0.97


def test_rules_stand_in_beyond_published_dates() -> None:
    """Worked out day by day for 2030."""
    months = np.arange("2030-01", "2031-01", dtype="datetime64[M]")
    wednesdays = [date(2030, 1, 1) + timedelta(days=n) for n in range(365)]
    wednesdays = [day for day in wednesdays if day.weekday() == 2]
    expected = []
    for month, which in ((1, -1), (3, 2), (4, -1), (6, 2), (7, -1), (9, 2), (10, -1), (12, 1)):
        expected.append([day for day in wednesdays if day.month == month][which])
    assert [day.astype(object) for day in dates_by_rule(EventKind.FOMC, months)] == expected
    for kind, which in ((EventKind.CPI, 9), (EventKind.PPI, 10)):
        by_hand = []
        for month in range(1, 13):
            days = [date(2030, month, 1) + timedelta(days=n) for n in range(28)]
            by_hand.append([day for day in days if day.weekday() < 5][which])
        assert [day.astype(object) for day in dates_by_rule(kind, months)] == by_hand
        first, last = np.datetime64("2030-01-01"), np.datetime64("2030-12-31")
        np.testing.assert_array_equal(scheduled_dates(kind, first, last), dates_by_rule(kind, months))


def test_the_rules_are_near_what_was_published() -> None:
    months = np.arange("2013-01", "2025-01", dtype="datetime64[M]")
    for kind in EventKind:
        actual = scheduled_dates(kind, np.datetime64("2012-11-01"), np.datetime64("2025-03-01"))
        distance = [int(np.abs(actual - day).min().astype(int)) for day in dates_by_rule(kind, months)]
        assert np.median(distance) <= 3
        assert np.quantile(distance, 0.9) <= 8


def test_a_release_without_a_session_counts_on_the_next() -> None:
    """CPI of March 2020 came on Good Friday, 10 April."""
    calendar = SessionCalendar.build("2020-04-01", 0, 20)
    schedule = event_schedule(calendar)
    on = [str(day) for day in calendar.dates[schedule.on[EventKind.CPI]]]
    assert on[0] == "2020-04-13"


def test_places_on_a_calendar_are_counted_session_by_session() -> None:
    calendar = SessionCalendar.build("2023-10-02", 30, 120)
    schedule = event_schedule(calendar)
    events = {day: kind for kind in sorted(EventKind, reverse=True) for day in published(kind)}
    days = [day.astype(object) for day in calendar.sessions]
    first = days.index(calendar.date(0))
    for t in range(150):
        here = first + t
        following = next(i for i in range(here + 1, len(days)) if days[i] in events)
        latest = next(i for i in range(here, -1, -1) if days[i] in events)
        assert schedule.sessions_to_next[t] == following - here
        assert schedule.next_kind[t] == events[days[following]]
        assert schedule.sessions_since[t] == here - latest
        assert schedule.any[t] == (days[here] in events)

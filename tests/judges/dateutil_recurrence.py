"""python-dateutil over series that Tieline expanded: the test names a file with the series and what Tieline made of them."""

import datetime
import json
import zoneinfo

from dateutil import rrule

from judge import check, main

FREQUENCIES = {"DAILY": rrule.DAILY, "WEEKLY": rrule.WEEKLY, "MONTHLY": rrule.MONTHLY, "YEARLY": rrule.YEARLY}
DAYS = [rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU]
FROM, TO = (datetime.datetime(year, 1, 1, tzinfo=datetime.timezone.utc).timestamp() for year in (2026, 2028))


def expand(series):
    rule = series["rule"]
    begin = datetime.datetime.fromisoformat(series["start"])
    said = {"dtstart": begin, "interval": rule["interval"]}
    if "days" in rule:
        said["byweekday"] = [DAYS[day] for day in rule["days"]]
    if "position" in rule:
        said["bysetpos"] = rule["position"]
    if "first" in rule:
        said["wkst"] = DAYS[rule["first"]]
    if "month" in rule:
        said["bymonth"] = rule["month"]
    if "day" in rule:
        # The last day of a month that has not so many.
        said["bymonthday"] = tuple(range(28, rule["day"] + 1)) if rule["day"] > 28 else (rule["day"],)
        said["bysetpos"] = -1
    if "count" in rule:
        said["count"] = rule["count"]
    until = datetime.datetime(2028, 1, 3)
    if "until" in rule:
        said["until"] = datetime.datetime.combine(datetime.date.fromisoformat(rule["until"]), datetime.time(23, 59))
    zone = zoneinfo.ZoneInfo(series["zone"])
    dates = rrule.rrule(FREQUENCIES[rule["freq"]], **said).between(datetime.datetime(2025, 12, 1), until, inc=True)
    starts = sorted(date.replace(tzinfo=zone).astimezone(datetime.timezone.utc).timestamp() for date in dates)
    return [int(start) for start in starts if FROM - 1800 < start < TO]


@check
def expands_the_same(site):
    """Covers: AV-79 (series, judged)"""
    with open(site["series"]) as file:
        all_series = json.load(file)
    occurrences = 0
    for series in all_series:
        wanted = expand(series)
        assert series["starts"] == wanted, (series["rule"], series["start"], series["zone"], sorted(set(series["starts"]) ^ set(wanted))[:5])
        occurrences += len(wanted)
    assert occurrences > 10 * len(all_series), occurrences


main()

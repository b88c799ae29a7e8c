"""Local times of a zone as moments: the hour that clocks have twice, and the one that they leave out."""

from collections import Counter
from datetime import UTC, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from tidegate.data.series.times import START, Number, Time
from tidegate.errors import ArgumentError, DataError
from tidegate.io.wording import quoted

ClockChanges = Literal["refuse", "resolve"]


@lru_cache(32)
def time_zone(name: str) -> ZoneInfo:
    """Return a time zone by its name in the IANA data base.

    Raises:
        ArgumentError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # also of a folder of zones, or of a name that is no path
        raise ArgumentError(f"time_zone is {quoted(name)}, but should be one such as Europe/Berlin or UTC.") from error


def offset_at(zone: ZoneInfo, moment: Number) -> int:
    """Return the seconds that the clocks of a zone are ahead of UTC at a moment."""
    at = (START + timedelta(seconds=int(moment // 1))).replace(tzinfo=UTC).astimezone(zone)
    return int((at.utcoffset() or timedelta()).total_seconds())


class LocalTimes:
    """The local times of one series, row by row.

    Args:
        name: of the time zone.
        changes: "refuse" times that the clocks show twice or not at all, or "resolve" them: of a time that occurs twice
            the first row is the earlier one, and one that is left out is read as before the change.

    Attributes:
        notes: what was resolved, in lines for the user: of each kind the first.
    """

    def __init__(self, name: str, changes: ClockChanges) -> None:
        self.name, self.zone, self.changes = name, time_zone(name), changes
        self.seen: Counter[Number] = Counter()
        self.notes: dict[str, str] = {}

    def moment(self, time: Time, where: str) -> Time:
        """Return a local time as a moment.

        Raises:
            DataError: it is none, or the clocks show it twice or not at all and that is refused.
        """
        if time.kind != "a date":
            raise DataError(f"{where} is {time.kind}, but --time-zone is for local times: leave it out.")
        before, after = self._offset(time.number, 0), self._offset(time.number, 1)
        chosen = before
        if before != after:
            twice = before > after
            what = "occurs twice" if twice else "is left out"
            clocks = f"{what} in {self.name}, as the clocks change"
            if self.changes == "refuse":
                raise DataError(
                    f"{where} {clocks}: write times with their offset (+01:00), or say --clock-changes resolve."
                )
            self.seen[time.number] += 1
            chosen = after if twice and self.seen[time.number] > 1 else before
            how = "the first row of a time is the earlier one" if twice else "it is read as before the change"
            self.notes.setdefault(what, f"{where} {clocks}: {how}")
        return Time("a date with a time zone", time.number - chosen)

    def _offset(self, seconds: Number, fold: int) -> int:
        try:
            local = (START + timedelta(seconds=int(seconds // 1))).replace(tzinfo=self.zone, fold=fold)
            offset = local.utcoffset()
        except OverflowError:  # at the ends of the calendar
            offset = None
        return int(offset.total_seconds()) if offset is not None else 0

#!/usr/bin/env bash
# CPython 3.11.7: datetime.fromisoformat, which since 3.11 reads "most ISO 8601 formats".
#
# A fraction of a minute or of an hour is read as a fraction of a second: "10:30.5" is half past ten and half a second,
# where ISO 8601 says half past ten and thirty seconds; "10.5" is ten o'clock and half a second, where it says 10:30.
# Nothing is raised. More than six digits of a second are cut, not rounded: 15.1234567 and 15.123456 are one time.
#
# The good guess that is wrong: fractions of minutes and hours, which ISO 8601 allows, are either read or refused. Loggers
# that write decimal minutes come out with all readings within a second of the whole minute.
#
# Seen:
#   2024-01-01T10:30.5           2024-01-01 10:30:00.500000
#   2024-01-01T10.5              2024-01-01 10:00:00.500000
#   2024-01-01T10:30:15.1234567  2024-01-01 10:30:15.123456
set -eu
python3 - <<'PYTHON'
from datetime import datetime

expected = {
    "2024-01-01T10:30.5": "2024-01-01 10:30:00.500000",
    "2024-01-01T10.5": "2024-01-01 10:00:00.500000",
    "2024-01-01T10:30:15.1234567": "2024-01-01 10:30:15.123456",
}
for text, time in expected.items():
    found = str(datetime.fromisoformat(text))
    print(f"{text:28} {found}")
    assert found == time, f"it was {time}"
PYTHON

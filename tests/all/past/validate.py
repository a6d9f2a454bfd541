"""Reads a calendar with two programs that are not ours: libical (by GObject introspection) and vobject, and icalendar.

One line each: the program's name, then `fine` or what it says. Exit code 3: one of them is missing.
"""

import sys

try:
    import gi

    gi.require_version("ICalGLib", "3.0")
    from gi.repository import ICalGLib
    import icalendar
    import vobject
except (ImportError, ValueError) as missing:
    print(f"missing: {missing}")
    sys.exit(3)


def by_libical(text):
    whole = ICalGLib.Parser.parse_string(text)
    if whole is None:
        return "no calendar"
    if whole.isa() != ICalGLib.ComponentKind.VCALENDAR_COMPONENT:
        return "not one VCALENDAR"
    if whole.count_errors():
        return f"{whole.count_errors()} parse errors"
    if not whole.check_restrictions():
        return "a restriction of RFC 5546 or 5545 is broken"
    return "fine"


def by_vobject(text):
    read = list(vobject.readComponents(text, validate=True))
    if len(read) != 1:
        return f"{len(read)} calendars"
    read[0].validate(raiseException=True)
    for event in getattr(read[0], "vevent_list", []):
        event.validate(raiseException=True)
        for alarm in getattr(event, "valarm_list", []):
            alarm.validate(raiseException=True)
    return "fine"


def by_icalendar(text):
    whole = icalendar.Calendar.from_ical(text)
    wrong = [f"{one.name}: {error}" for one in whole.walk() for error in one.errors]
    for one in whole.walk():
        wrong += [f"{one.name} without {name}" for name in one.required if name not in one]
        wrong += [f"{one.name}: two {name}" for name in one.singletons if isinstance(one.get(name), list)]
    return "; ".join(wrong) or "fine"


with open(sys.argv[1], encoding="utf-8", newline="") as file:
    TEXT = file.read()
for name, check in (("libical", by_libical), ("vobject", by_vobject), ("icalendar", by_icalendar)):
    try:
        said = check(TEXT)
    except Exception as error:  # whatever they raise is a complaint
        said = f"{type(error).__name__}: {error}"
    print(name, " ".join(said.split()))

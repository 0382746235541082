"""Values as every reader should give them, brought to one form: instants as microseconds since 1970 in UTC, maps as
sorted pairs, nested values all the way down. It knows nothing of readers."""

import datetime
import math

import pyarrow

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def plain(value, ty):
    """A reader's value of a column that the file says is of this Arrow type."""
    if value is None or type(value).__name__ in ("NaTType", "NAType"):
        return None
    if isinstance(value, float) and math.isnan(value) and not pyarrow.types.is_floating(ty):
        return None
    if pyarrow.types.is_timestamp(ty):
        return micros(value)
    if pyarrow.types.is_map(ty):
        return tuple(sorted((key, plain(inner, ty.item_type)) for key, inner in pairs(value)))
    if pyarrow.types.is_list(ty):
        return tuple(plain(inner, ty.value_type) for inner in value)
    if pyarrow.types.is_struct(ty):
        members = value.asDict() if hasattr(value, "asDict") else value
        return tuple((field.name, plain(members[field.name], field.type)) for field in ty)
    if pyarrow.types.is_boolean(ty):
        return bool(value)
    if pyarrow.types.is_integer(ty):
        return int(value)
    if pyarrow.types.is_floating(ty):
        return float(value)
    return str(value)


def micros(value):
    """An instant without a zone is of the process's own, as Spark gives it."""
    since = (value.astimezone() if value.tzinfo is None else value) - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def pairs(value):
    """Maps come as dictionaries, as pairs, or as structs of key and value."""
    if isinstance(value, dict):
        return value.items()
    return ((pair["key"], pair["value"]) if isinstance(pair, dict) else tuple(pair) for pair in value)


def checks_of(value, ty, is_late):
    """What it shows that this value came through."""
    if is_late:
        yield "column added later"
    if pyarrow.types.is_nested(ty):
        yield "nested" if value is not None else "NULL"
    elif value is None:
        yield "NULL"
    elif pyarrow.types.is_timestamp(ty):
        yield "instants"
    elif value == "":
        yield "empty text"
    elif value == "TELEPORTING":
        yield "unknown value"
    elif isinstance(value, str) and any("\u4e00" <= sign <= "\u9fff" for sign in value):
        yield "Chinese text"
    else:
        yield "other"

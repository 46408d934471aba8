"""Handlers of sending: mail that leaves, addresses that get none, and how much was sent."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import orjson
from aiohttp import web
from pydantic import AfterValidator, Field

from sendook_lite.api.call import Answer, Call
from sendook_lite.api.envelope import JSON_TYPE, rate_limit_headers
from sendook_lite.api.pages import Limit, Query, listing
from sendook_lite.api.schemas import MAX_EMAIL, one_line
from sendook_lite.api.sending_schemas import ReplyMessage, SendMessage
from sendook_lite.domain import resources
from sendook_lite.domain.addresses import normalise
from sendook_lite.domain.clock import MS_PER_SECOND, iso
from sendook_lite.store import sent_hours, suppressions
from sendook_lite.store.page import DEFAULT_LIMIT
from sendook_lite.usecases.send_limit import HOUR_MS
from sendook_lite.usecases.sending import Accepted

_OPERATOR: Final = "operator"
_ACCEPTED: Final = 202
_HOURS_A_DAY: Final = 24


class SuppressionsQuery(Query):
    """How much of the list, newest first, and before which address."""

    limit: Limit = DEFAULT_LIMIT
    before: Annotated[str, Field(max_length=MAX_EMAIL), AfterValidator(one_line)] | None = None


async def send_message(call: Call[None, SendMessage]) -> Answer:
    """Accept a mail; what becomes of it is told by events."""
    accepted = await call.context.sending.send(
        principal_of(call), call.path["inbox_id"], call.body.wanted()
    )
    return _accepted(call, accepted)


async def reply_to_message(call: Call[None, ReplyMessage]) -> Answer:
    """Accept a reply to a message."""
    accepted = await call.context.sending.reply(
        principal_of(call), call.path["inbox_id"], call.path["message_id"], call.body.wanted()
    )
    return _accepted(call, accepted)


async def list_suppressions(call: Call[SuppressionsQuery, None]) -> Answer:
    """Show the addresses that nothing is sent to, newest first."""
    context = call.context
    before = None if call.query.before is None else normalise(call.query.before)
    page = await suppressions.list_page(context.store.reader, call.query.limit, before)
    return listing(call.request, context.public_url, page, resources.suppression)


async def remove_suppression(call: Call[None, None]) -> Answer:
    """Let mail be sent to an address again."""
    gone = await call.context.store.writer.write(
        suppressions.remove, normalise(call.path["address"])
    )
    return resources.suppression(gone)


async def get_daily(call: Call[None, None]) -> Answer:
    """Show how many mails were sent since midnight (UTC), and how many may be in a day."""
    context = call.context
    day = _HOURS_A_DAY * HOUR_MS
    now = context.clock.now()
    principal = principal_of(call) if call.principal.limited else None
    count = await sent_hours.count(context.store.reader, now - now % day, principal)
    limit = _HOURS_A_DAY * context.settings.limits.sends_per_hour
    percentage = round(100 * count / limit, 2) if limit else 0
    return {"count": count, "limit": limit, "percentage": percentage}


async def get_usage(call: Call[None, None]) -> Answer:
    """Show how many mails were sent this month (UTC)."""
    context = call.context
    now = datetime.fromtimestamp(context.clock.now() / MS_PER_SECOND, UTC)
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    since, until = (round(each.timestamp() * MS_PER_SECOND) for each in (start, end))
    principal = principal_of(call) if call.principal.limited else None
    count = await sent_hours.count(context.store.reader, since, principal)
    return {"count": count, "periodStart": iso(since), "periodEnd": iso(until)}


def principal_of(call: Call[Any, Any]) -> str:
    """Return for whom mails are counted."""
    return call.principal.key_id or _OPERATOR


def _accepted(call: Call[Any, Any], accepted: Accepted) -> web.Response:
    headers = {"Content-Type": JSON_TYPE}
    if accepted.allowance is not None:
        headers |= rate_limit_headers(accepted.allowance)
    body = orjson.dumps(resources.message(accepted.message, call.context.public_url))
    return web.Response(body=body, status=_ACCEPTED, headers=headers)

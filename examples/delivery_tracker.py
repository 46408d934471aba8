"""Keeps what became of mail that was sent, and shows it with a chart of the last 14 days."""

import sqlite3
from html import escape
from typing import Any

from aiohttp import web
from subscription import serve

COLORS = {
    "sent": "#7a8699",
    "delivered": "#2e8b57",
    "bounced": "#c0392b",
    "complained": "#8e44ad",
    "rejected": "#d35400",
}
DAYS = 14
HEIGHT = 120

database = sqlite3.connect("delivery_tracker.db")
database.execute("CREATE TABLE IF NOT EXISTS outcomes (day, outcome, recipient, detail, at)")


async def note(event: dict[str, Any]) -> None:
    """Keep one outcome; those of single recipients say which one and why."""
    delivery = event["payload"].get("delivery", {})
    recipient = delivery.get("recipient") or ", ".join(event["payload"]["to"])
    at, outcome = event["createdAt"], event["event"].removeprefix("message.")
    detail = delivery.get("diagnostic") or delivery.get("status") or ""
    database.execute(
        "INSERT INTO outcomes VALUES (?, ?, ?, ?, ?)", (at[:10], outcome, recipient, detail, at)
    )


def chart() -> str:
    """Draw a bar for each day, stacked by outcome."""
    days = [
        day
        for (day,) in database.execute(
            "SELECT DISTINCT day FROM outcomes ORDER BY day DESC LIMIT ?", (DAYS,)
        )
    ][::-1]
    counts = {
        (day, outcome): count
        for day, outcome, count in database.execute(
            "SELECT day, outcome, count(*) FROM outcomes GROUP BY day, outcome"
        )
    }
    most = max((sum(counts.get((day, each), 0) for each in COLORS) for day in days), default=1)
    bars = []
    for place, day in enumerate(days):
        base = float(HEIGHT)
        for outcome, color in COLORS.items():
            size = counts.get((day, outcome), 0) * HEIGHT / most
            base -= size
            bars.append(
                f'<rect x="{place * 40 + 4}" y="{base:.1f}" width="32" height="{size:.1f}"'
                f' fill="{color}"><title>{day}: {outcome}</title></rect>'
            )
    return f'<svg width="{DAYS * 40}" height="{HEIGHT}">{"".join(bars)}</svg>'


async def page(_request: web.Request) -> web.Response:
    """Show the chart and the last 50 outcomes."""
    rows = database.execute(
        "SELECT at, outcome, recipient, detail FROM outcomes ORDER BY at DESC LIMIT 50"
    )
    cells = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows)
    table = "".join(f"<tr>{each}</tr>" for each in cells)
    document = f"<!doctype html><title>Deliveries</title>{chart()}<table>{table}</table>"
    return web.Response(text=document, content_type="text/html")


if __name__ == "__main__":
    serve(note, [f"message.{each}" for each in COLORS], database, web.get("/", page))

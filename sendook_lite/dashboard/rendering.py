"""Fills templates. The template library is loaded with the first page: idle memory matters."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from sendook_lite import __version__
from sendook_lite.dashboard.assets import asset_url
from sendook_lite.domain.clock import iso

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_TEMPLATES: Final = Path(__file__).parent / "templates"
_KIB: Final = 1024
_SECOND: Final = 1000


def render(template: str, **data: Any) -> str:
    """Fill a template; everything that is not markup of ours is escaped."""
    return _environment().get_template(template).render(**data)


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    from sendook_lite.dashboard import charts, code_view, exchange  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "asset": asset_url,
        "version": __version__,
        "bars": charts.bars,
        "spark": charts.spark,
    }
    environment.filters |= {
        "when": when,
        "number": number,
        "size": size,
        "duration": duration,
        "host": host,
        "iso": iso,
        "plain": plain,
        "pretty": code_view.pretty_json,
        "prose": code_view.prose,
        "as_curl": exchange.as_curl,
        "request_head": exchange.request_head,
    }
    return environment


def when(ms: int | None) -> "Markup | str":
    """Show a moment: in UTC here, relative and in the viewer's zone once the script has run."""
    from markupsafe import Markup  # noqa: PLC0415

    if ms is None:
        return "–"  # noqa: RUF001 - a dash for people
    stamp = iso(ms)
    shown = f"{stamp[:10]} {stamp[11:19]} UTC"
    return Markup('<time datetime="{}">{}</time>').format(stamp, shown)


def number(value: float) -> str:
    """Write a number with thin spaces between its thousands."""
    return f"{value:,}".replace(",", "\u202f")


def plain(values: float | Iterable[float]) -> str:
    """Write numbers without needless zeros, several with commas between them."""
    numbers = [values] if isinstance(values, int | float) else values
    return ", ".join(f"{value:g}" for value in numbers)


def size(count: int) -> str:
    """Write a number of bytes as people do."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < _KIB or unit == "GiB":
            break
        value /= _KIB
    return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"  # noqa: PLR2004


def duration(ms: int) -> str:
    """Write a duration."""
    return f"{ms} ms" if ms < _SECOND else f"{ms / _SECOND:.1f} s"


def host(url: str) -> str:
    """Return the host of a URL with its port, or the URL itself when it has none."""
    try:
        return urlsplit(url).netloc or url
    except ValueError:
        return url

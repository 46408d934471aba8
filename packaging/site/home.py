"""Makes pages of the site from files of the project: README, SECURITY, and the example settings.

They are written once, where people look for them first; the site shows the same text.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

_ROOT = Path(__file__).parents[2]
_SETTINGS = """# Settings

Defaults, then a TOML file (`--config`, else `$SENDOOK_CONFIG`, else `./sendook.toml`, else
`/etc/sendook-lite/sendook.toml`), then the environment (`SENDOOK_<SECTION>__<KEY>`, lists and
tables as JSON), then options of the command line: the later one wins. `sendook-lite config init`
writes the file below, `sendook-lite config check` judges yours.

```toml
{example}
```
"""


def on_files(files: Files, config: "MkDocsConfig") -> Files:
    """Add the pages; called by mkdocs."""
    readme = (_ROOT / "README.md").read_text()
    home = _for_site(readme)
    example = (_ROOT / "sendook.example.toml").read_text()
    settings = _SETTINGS.format(example=example.rstrip())
    security = _for_site((_ROOT / "SECURITY.md").read_text())
    pages = {"index.md": home, "settings.md": settings, "security.md": security}
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def _for_site(page: str) -> str:
    """Turn links from the root of the project into links within the site."""
    page = re.sub(r"(\]\(|(?:src|srcset|href)=\")docs/", r"\1", page)
    for name, target in (("sendook.example.toml", "settings.md"), ("SECURITY.md", "security.md")):
        page = page.replace(f"]({name})", f"]({target})")
    return page

"""What is shipped beside the program: scripts, the service, the containers' files."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from sendook_lite.settings import Settings
from tests.requirements import cannot_run

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "contrib/systemd").glob("*.service"))
SCRIPTS = sorted(
    path
    for place in ("packaging", "contrib", "tests", ".ci")
    for path in (ROOT / place).rglob("*")
    if path.is_file() and re.match(rb"#!(/bin/sh|/usr/bin/env bash|/bin/bash)", path.read_bytes())
)
MAX_EXPOSURE = 2.0


def program(name: str) -> str:
    """Find a program of the machine; in CI it has to be there."""
    unpacked = ROOT / ".cache/debian" / name / "root/usr/bin" / name
    found = str(unpacked) if unpacked.exists() else shutil.which(name)
    return found or cannot_run(f"{name} is not installed")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_scripts_are_without_reproach(script: Path) -> None:
    done = subprocess.run(
        [program("shellcheck"), str(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(params=UNITS, ids=lambda path: path.name)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A service with a program that every machine has."""
    copy = tmp_path / request.param.name
    text, changed = re.subn(
        r"^ExecStart=.*", "ExecStart=/bin/true", request.param.read_text(), flags=re.MULTILINE
    )
    assert changed == 1
    copy.write_text(text)
    return copy


def test_systemd_understands_the_whole_service(unit: Path) -> None:
    done = subprocess.run(
        [program("systemd-analyze"), "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    about_it = [line for line in done.stderr.splitlines() if unit.name in line]
    assert about_it == []
    assert done.returncode == 0, done.stderr


def test_the_service_is_hardly_exposed(unit: Path) -> None:
    done = subprocess.run(
        [program("systemd-analyze"), "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    overall = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert overall is not None, done.stdout + done.stderr
    assert float(overall[1]) <= MAX_EXPOSURE


def test_the_services_name_settings_that_exist() -> None:
    text = "".join(unit.read_text() for unit in UNITS)
    names = re.findall(r"SENDOOK_([A-Z]+)__([A-Z_]+)", text)
    assert names
    for section, key in names:
        part = getattr(Settings(), section.lower())
        assert key.lower() in type(part).model_fields


def test_the_compose_file_is_sound_and_names_files_and_settings_that_exist() -> None:
    place = ROOT / "contrib/docker"
    services = yaml.safe_load((place / "compose.yaml").read_text())["services"]
    for service in services.values():
        build = service["build"]
        if isinstance(build, str):
            assert (place / build / "Dockerfile").is_file()
        else:
            assert ((place / build["context"]).resolve() / build["dockerfile"]).is_file()
    for name in services["sendook"]["environment"]:
        section, key = name.removeprefix("SENDOOK_").lower().split("__")
        assert key in type(getattr(Settings(), section)).model_fields


def test_every_file_that_the_image_copies_exists() -> None:
    text = (ROOT / "contrib/docker/Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, flags=re.MULTILINE)
    assert copied
    for line in copied:
        for name in line.split():
            assert (ROOT / name).exists(), name

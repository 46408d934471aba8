"""Every sample of the packs is read as it is labelled; see `tests/packs.py` for their form."""

from pathlib import Path

import pytest

from sendook_lite.domain.mime import open_mail
from sendook_lite.domain.reports import as_json, read_report
from tests.packs import Recipient, Sample, read_pack

PACKS = Path(__file__).parent.parent / "samples" / "reports" / "packs"
SAMPLES = [sample for path in sorted(PACKS.glob("*.pack")) for sample in read_pack(path)]
MEANINGS = {"failed": True, "delayed": False}


def test_the_packs_hold_what_they_should() -> None:
    assert len({sample.name for sample in SAMPLES}) == len(SAMPLES)
    assert sum(sample.kind != "none" for sample in SAMPLES) >= 160
    assert sum(sample.kind == "none" for sample in SAMPLES) >= 70


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_sample_is_read_as_labelled(sample: Sample) -> None:
    found = as_json(read_report(open_mail(sample.raw)))
    assert found["kind"] == sample.kind
    people = {one["recipient"].lower(): one for one in found["recipients"]}
    assert set(people) == {one.address.lower() for one in sample.recipients}
    for one in sample.recipients:
        shown = people[one.address.lower()]
        assert shown["action"] == one.action
        assert shown.get("permanent") == MEANINGS.get(one.action)
        if one.status is not None:
            assert shown["status"] == one.status
    if sample.kind != "none":
        assert found.get("originalEnvelopeId") == sample.envelope_id
        if sample.message_id is not None:
            assert found["originalMessageId"] == sample.message_id


def test_a_pack_is_expanded_as_its_form_says(tmp_path: Path) -> None:
    pack = tmp_path / "x.pack"
    pack.write_text(
        "=== one\n#: delivery\n#: failed - a@b.example\n#: envelope e1\n#: charset latin-1\n"
        "Subject: ü\n\n@base64 utf-8\nhi\n@end\n=== two\nSubject: x\n\n@original c@d.example\n",
        "utf-8",
    )
    one, two = read_pack(pack)
    assert one.raw == b"Subject: \xfc\n\naGk=\n"
    assert (one.name, one.kind, one.envelope_id) == ("x/one", "delivery", "e1")
    assert one.recipients == (Recipient("failed", None, "a@b.example"),)
    assert (two.kind, two.recipients) == ("none", ())
    assert b"\nTo: c@d.example\n" in two.raw
    assert (one.message_id, two.message_id) == (None, "<20260301.4711.ada@shop.example>")

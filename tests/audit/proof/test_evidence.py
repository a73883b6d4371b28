"""The evidence pack as an auditor gets it: what it holds, that it is true, and that nothing else passes."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import subprocess
import sys
import uuid
import warnings
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from audit.models import AuditCheckpoint, AuditRow
from audit.proof import checkpoints, purging, tree
from audit.proof.sealer import Sealer
from audit.proof.verifier import Untrue, check_pack, main
from tests import browsing, factories
from tests.audit.proof.making import START, old_rows
from workspaces.models import User, Workspace
from workspaces.roles import Role

PAGE = "/acme-health/settings/audit-log"
ZIP = f"{PAGE}-evidence.zip"


def fill(workspace: Workspace, count: int, **facts: Any) -> None:
    given = {"workspace_id": str(workspace.pk), "event_type": "Source Viewed", **facts}
    AuditRow.objects.bulk_create(AuditRow(**given, object_label=f"row {n:03}") for n in range(count))


def download(client: Client, folder: Path, query: str = "") -> Path:
    path = folder / "pack.zip"
    path.write_bytes(b"".join(client.get(f"{ZIP}{query}").streaming_content))
    return path


def rewritten(pack: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """The pack with one of its files changed, and a sound archive around it."""
    changed = pack.with_name("changed.zip")
    with zipfile.ZipFile(pack) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.namelist():
            new.writestr(each, change(old.read(each)) if each == name else old.read(each))
    return changed


def keys(workspace: Workspace) -> list[str]:
    return checkpoints.published_keys(str(workspace.pk))


def test_a_pack_holds_what_the_database_holds(as_alice: Client, workspace: Workspace, tmp_path: Path) -> None:
    fill(workspace, 300)
    Sealer().turn()
    fill(workspace, 20)
    stored = AuditRow.objects.filter(workspace_id=str(workspace.pk)).count()
    pack = download(as_alice, tmp_path)
    with zipfile.ZipFile(pack) as archive:
        rows = [json.loads(line) for line in archive.read("rows.ndjson").splitlines()]
        manifest = json.loads(archive.read("manifest.json"))
        assert archive.testzip() is None
    assert len({row["id"] for row in rows}) == len(rows) == stored
    told = (manifest["rows"], manifest["rows_in_range"], manifest["rows_in_database"], manifest["gaps"])
    assert told == (stored, stored, stored, [])
    assert manifest["filter"] == {"since": None, "until": None}
    assert len(manifest["checkpoints"]) == 2
    assert check_pack(str(pack), keys(workspace)) == manifest
    row = AuditRow.objects.get(event_type="HIPAA Audit Evidence Exported")
    assert row.details == {"filter": {}, "rows": stored, "rows_in_range": stored}


def test_a_pack_of_a_time_is_true_too(
    as_alice: Client, workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moment = timezone.now().replace(microsecond=0)
    fill(workspace, 40, timestamp=moment - timedelta(seconds=30))
    fill(workspace, 7, timestamp=moment - timedelta(seconds=20))
    fill(workspace, 50, timestamp=moment - timedelta(seconds=10))
    since, until = moment - timedelta(seconds=21), moment - timedelta(seconds=11)
    query = f"?since={since:%Y-%m-%dT%H:%M:%S}&until={until:%Y-%m-%dT%H:%M:%S}"
    manifest = check_pack(str(download(as_alice, tmp_path, query)), keys(workspace))
    assert (manifest["rows"], manifest["rows_in_range"]) == (7, 7)
    assert manifest["first"] >= 40
    assert main([str(tmp_path / "pack.zip"), "--key", keys(workspace)[0]]) == 0
    span = f"from {since:%Y-%m-%dT%H:%M:%S}.000000Z until {until:%Y-%m-%dT%H:%M:%S}.000000Z"
    assert f"Signed at {manifest['made_at']}. Every row {span}.\n" in capsys.readouterr().out


def test_an_empty_time_makes_a_true_pack(as_alice: Client, workspace: Workspace, tmp_path: Path) -> None:
    manifest = check_pack(str(download(as_alice, tmp_path, "?until=2020-01-01T00:00")), keys(workspace))
    assert (manifest["rows"], manifest["rows_in_range"]) == (0, 0)


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("rows.ndjson", lambda text: text.replace(b"row 017", b"row 018", 1), r"^row 18 \(.*\) was changed$"),
        ("rows.ndjson", lambda text: b"\n".join(text.split(b"\n")[:17] + text.split(b"\n")[18:]), r"^row 17 .*removed"),
        ("rows.ndjson", lambda text: text[: text.rindex(b"\n", 0, -1) + 1], r"^row 4\d .*was removed"),
        ("rows.ndjson", lambda text: text + b"{}\n", r"^row 4\d was inserted after the last"),
        ("rows.ndjson", lambda text: b"{}\n" + text, r"^row 0 .*was changed"),
        ("leaves.txt", lambda text: text[text.index(b"\n") + 1 :], "^row 0: the list of leaves"),
        ("keys.txt", lambda text: b"", "no key|not the file"),
        ("README.txt", lambda text: b"", "README.txt is not the file that was signed"),
        ("manifest.json", lambda text: text.replace(b'"gaps": []', b'"gaps": [1]'), "not the one that was signed"),
        ("proofs.json", lambda text: text.replace(b'"left"', b'"lost"'), "damaged"),
    ],
)
def test_what_was_changed_is_named(
    as_alice: Client,
    workspace: Workspace,
    tmp_path: Path,
    name: str,
    change: Callable[[bytes], bytes],
    complaint: str,
) -> None:
    fill(workspace, 40)
    pack = download(as_alice, tmp_path)
    with pytest.raises(Untrue, match=complaint):
        check_pack(str(rewritten(pack, name, change)), [] if name == "keys.txt" else keys(workspace))


def test_what_other_tools_would_take_for_the_rows_does_not_pass(
    as_alice: Client, workspace: Workspace, tmp_path: Path
) -> None:
    """A tool may read the first file of a name, files that nobody signed, or what stands between two files."""
    fill(workspace, 40)
    pack = download(as_alice, tmp_path)
    whole = pack.read_bytes()
    with zipfile.ZipFile(pack) as archive:
        rows = archive.read("rows.ndjson")
        place = {each.filename: each for each in archive.infolist()}
        start = archive.start_dir
    forged = rows.replace(b"row 017", b"row 018", 1)

    def complaint(data: bytes) -> str:
        pack.write_bytes(data)
        with pytest.raises(Untrue) as untrue:
            check_pack(str(pack), keys(workspace))
        return str(untrue.value)

    for name, told in (("rows.ndjson", "rows.ndjson is in the pack twice"), ("rows.csv", "nobody signed rows.csv")):
        twice = io.BytesIO()
        with (
            warnings.catch_warnings(action="ignore"),  # of Python's, that a name is there already
            zipfile.ZipFile(io.BytesIO(whole)) as old,
            zipfile.ZipFile(twice, "w", zipfile.ZIP_DEFLATED) as new,
        ):
            new.writestr(name, forged)
            for each in old.namelist():
                new.writestr(each, old.read(each))
        assert complaint(twice.getvalue()) == told
    hidden = io.BytesIO()
    with zipfile.ZipFile(hidden, "w", zipfile.ZIP_DEFLATED) as other:
        other.writestr("rows.ndjson", forged)
        length = other.start_dir
    assert complaint(hidden.getvalue()[:length] + whole) == "something is hidden in the pack, before README.txt"
    renamed = whole.replace(b"rows.ndjson", b"rows.NDJSON", 1)
    assert complaint(renamed) == "rows.ndjson is not whole, or goes by another name"
    checksum = struct.pack("<I", place["rows.ndjson"].CRC)
    assert whole.count(checksum, start) == 1
    changed = whole[:start] + whole[start:].replace(checksum, bytes(4))
    assert complaint(changed) == "rows.ndjson is not whole, or goes by another name"
    pack.write_bytes(whole)
    check_pack(str(pack), keys(workspace))


def test_a_pack_that_was_packed_again_is_still_true(as_alice: Client, workspace: Workspace, tmp_path: Path) -> None:
    fill(workspace, 40)
    pack = download(as_alice, tmp_path)
    manifest = check_pack(str(pack), keys(workspace))
    for how in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        again = tmp_path / "again.zip"
        with zipfile.ZipFile(pack) as old, zipfile.ZipFile(again, "w", how) as new:
            for name in sorted(old.namelist()):
                new.writestr(name, old.read(name))
        assert check_pack(str(again), keys(workspace)) == manifest


@pytest.mark.parametrize("how", [[], ["--prove", "17"]])
def test_no_damage_ends_without_a_word(
    as_alice: Client, workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: list[str]
) -> None:
    """Every 40th byte of the directory and a sample of the rest."""
    fill(workspace, 40)
    pack = download(as_alice, tmp_path)
    whole = pack.read_bytes()
    start = whole.index(b"PK\x01\x02")
    broken = [whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :] for at in [*range(0, start, 400)]]
    broken += [whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :] for at in range(start, len(whole), 7)]
    for data in [*broken, whole[:-30], whole[: len(whole) // 2], b"", b"PK"]:
        pack.write_bytes(data)
        code = main([str(pack), "--key", keys(workspace)[0], *how])
        told = capsys.readouterr().out
        assert told.startswith("FAIL: ") if code else told
    assert main([str(tmp_path / "nowhere.zip"), *how]) == 1
    assert "FAIL: the pack cannot be read: " in capsys.readouterr().out


@pytest.mark.parametrize("proof", ["", "[]", "{}", '{"row": 7, "index": "x", "path": [], "checkpoint": "a"}'])
def test_what_is_no_proof_fails(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], proof: str
) -> None:
    file = tmp_path / "proof.json"
    file.write_text(proof)
    assert main(["--proof", str(file), "--key", keys(workspace)[0]]) == 1
    assert capsys.readouterr().out.startswith("FAIL: ")


def test_what_the_same_key_signed_for_another_log_does_not_pass(
    as_alice: Client, workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A site signs all logs with one key: the name on the signature's line is not signed, the first line is."""
    fill(workspace, 3)
    pack = download(as_alice, tmp_path)
    assert main([str(pack), "--prove", "2"]) == 0
    proof = json.loads(capsys.readouterr().out)
    (own,) = keys(workspace)
    (other,) = checkpoints.published_keys("another")
    name, identity, _ = other.split("+", 2)
    text, _, signature = proof["checkpoint"].rpartition("\n\n")
    signed = base64.b64decode(signature.split(" ")[2])[4:]
    renamed = base64.b64encode(bytes.fromhex(identity) + signed).decode()
    file = tmp_path / "proof.json"
    file.write_text(json.dumps({**proof, "checkpoint": f"{text}\n\n\N{EM DASH} {name} {renamed}\n"}))
    assert main(["--proof", str(file), "--key", other]) == 1
    assert capsys.readouterr().out == f"FAIL: signed as {name}, and it is of {own.split('+')[0]}\n"


def test_a_pack_under_another_key_does_not_pass(as_alice: Client, workspace: Workspace, tmp_path: Path) -> None:
    pack = download(as_alice, tmp_path)
    with pytest.raises(Untrue, match="no key that is trusted"):
        check_pack(str(pack), ["example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"])


def test_one_row_is_proved_without_the_others(
    as_alice: Client, workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(workspace, 300)
    pack = download(as_alice, tmp_path)
    assert main([str(pack), "--prove", "17"]) == 0
    proof = json.loads(capsys.readouterr().out)
    assert len(proof["path"]) == 9
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(proof))
    assert main(["--proof", str(file), "--key", keys(workspace)[0]]) == 0
    file.write_text(json.dumps({**proof, "row": proof["row"].replace("Source", "Nothing")}))
    assert main(["--proof", str(file), "--key", keys(workspace)[0]]) == 1
    assert "FAIL: row 17 is not what was sealed" in capsys.readouterr().out
    assert main([str(pack), "--prove", "99999"]) == 1


def test_a_row_is_proved_from_the_database(
    as_alice: Client, workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(workspace, 5)
    row = AuditRow.objects.order_by("id").last()
    assert row is not None
    with pytest.raises(CommandError, match="no checkpoint"):
        call_command("verify_audit", "--prove", str(row.pk))
    with pytest.raises(CommandError, match="no row's id"):
        call_command("verify_audit", "--prove", "7")
    Sealer().turn()
    call_command("verify_audit", "--prove", str(row.pk))
    (tmp_path / "proof.json").write_text(capsys.readouterr().out)
    assert main(["--proof", str(tmp_path / "proof.json"), "--key", keys(workspace)[0]]) == 0
    assert AuditRow.objects.filter(event_type="HIPAA Audit Row Proved").count() == 1


def purged_log(workspace: Workspace) -> list[AuditRow]:
    """Thirty old rows, purged in two parts, and twenty that stand."""
    old = old_rows(30, workspace_id=str(workspace.pk))
    tree.seal_all(START)
    fill(workspace, 20)
    tree.seal_all(START)
    checkpoints.make_checkpoint(str(workspace.pk))
    for limit in (18, 12):
        purging.purge_some(str(workspace.pk), now=timezone.now(), limit=limit)
    return old


def other_id(leaves: bytes) -> bytes:
    row_id = leaves.split(b" ")[1]
    return leaves.replace(row_id, str(uuid.UUID(int=7)).encode())


def test_a_pack_over_a_purged_range_says_so_and_passes(
    as_alice: Client, workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    purged_log(workspace)
    stored = AuditRow.objects.filter(workspace_id=str(workspace.pk)).count()
    pack = download(as_alice, tmp_path)
    manifest = check_pack(str(pack), keys(workspace))
    assert (manifest["first"], manifest["rows"], manifest["purged"]) == (0, stored + 30, 30)
    assert (manifest["rows_in_range"], manifest["rows_in_database"]) == (stored, stored)
    with zipfile.ZipFile(pack) as archive:
        assert len(archive.read("rows.ndjson").splitlines()) == stored
        assert len([name for name in archive.namelist() if name.startswith("tombstones/")]) == 2
    assert main([str(pack), "--key", keys(workspace)[0]]) == 0
    day, origin = f"{timezone.now():%Y-%m-%d}", f"localhost/audit/{workspace.pk}"
    told = f"PASS: {stored} rows of {origin}, from row 30, no gap; purged: 30 rows from row 0, 2 tombstones of"
    made_at, begun = manifest["made_at"], "the beginning"
    signed = f"Signed at {made_at}. Every row from {begun} until then."
    assert capsys.readouterr().out == f"{told} {day} to {day}\n{signed}\n"
    row = AuditRow.objects.get(event_type="HIPAA Audit Evidence Exported")
    assert row.details == {"filter": {}, "rows": stored, "rows_in_range": stored, "purged": 30}
    assert main([str(pack), "--prove", "29"]) == 1
    assert "FAIL: row 29 was purged" in capsys.readouterr().out
    assert main([str(pack), "--prove", "31"]) == 0
    (tmp_path / "proof.json").write_text(capsys.readouterr().out)
    assert main(["--proof", str(tmp_path / "proof.json"), "--key", keys(workspace)[0]]) == 0


@pytest.mark.parametrize(("since", "until", "told"), [(5, 9, (5, 4, 4)), (15, 30, (15, 15, 15)), (20, 25, (20, 5, 5))])
def test_a_pack_of_purged_rows_alone_is_true(
    as_alice: Client, workspace: Workspace, tmp_path: Path, since: int, until: int, told: tuple[int, int, int]
) -> None:
    old = purged_log(workspace)
    moment = [old[0].timestamp + timedelta(minutes=each, seconds=-30) for each in (since, until)]
    query = f"?since={moment[0]:%Y-%m-%dT%H:%M:%S}&until={moment[1]:%Y-%m-%dT%H:%M:%S}"
    manifest = check_pack(str(download(as_alice, tmp_path, query)), keys(workspace))
    assert (manifest["first"], manifest["rows"], manifest["purged"]) == told
    assert manifest["rows_in_range"] == 0


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("rows.ndjson", lambda text: text[text.index(b"\n") + 1 :], r"^row 30 \(.*\) was removed"),
        ("rows.ndjson", lambda text: text.split(b"\n", 1)[0] + b"\n" + text, r"^row 31 \("),
        ("tombstones/1", lambda text: text.replace(b"kept 6", b"kept 7"), "signature does not fit"),
        ("tombstones/1", lambda text: text[text.index(b"\n\n") :], "signature does not fit|not a signed"),
        ("leaves.txt", other_id, r"^row 0 or a later one before 18 is not what the tombstone"),
    ],
)
def test_forged_tombstones_and_rows_beside_them_are_named(
    as_alice: Client,
    workspace: Workspace,
    tmp_path: Path,
    name: str,
    change: Callable[[bytes], bytes],
    complaint: str,
) -> None:
    purged_log(workspace)
    pack = download(as_alice, tmp_path)
    with zipfile.ZipFile(pack) as archive:
        stones = sorted(each for each in archive.namelist() if each.startswith("tombstones/"))
    with pytest.raises(Untrue, match=complaint):
        check_pack(str(rewritten(pack, stones[0] if name == "tombstones/1" else name, change)), keys(workspace))


def test_only_who_may_see_the_log_gets_a_pack(client: Client, bob: User, alice: User, workspace: Workspace) -> None:
    client.force_login(bob)
    assert client.get(ZIP).status_code == 403
    client.force_login(alice)
    assert client.get(f"{ZIP}?since=never").status_code == 400
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=False):
        answer = client.get(ZIP)
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/reauthenticate")
    assert not AuditRow.objects.filter(event_type="HIPAA Audit Evidence Exported").exists()
    assert not AuditCheckpoint.objects.exists()


def press(page: Page, target: Locator, *, key: str = "Tab") -> None:
    """Go to a link or button by the keyboard and press it."""
    browsing.tab_to(page, target, key=key)
    page.keyboard.press("Enter")


def test_an_auditor_filters_downloads_and_checks(
    page: Page, live_server: LiveServer, workspace: Workspace, tmp_path: Path
) -> None:
    """From signing in to the verifier's word; filter, row and files by the keyboard alone."""
    fill(workspace, 60)
    found = browsing.complaints(page)
    nadia = factories.member(workspace, "nadia", Role.AUDITOR)
    browsing.sign_in_by_page(page, live_server, nadia, path=PAGE)
    page.get_by_text("How anyone can check this log").click()
    key = str(page.locator("details code").first.text_content())
    browsing.assert_accessible(page, "the log with its keys")
    browsing.tab_to(page, page.get_by_label("Event", exact=True))
    page.keyboard.type("Source Viewed")
    press(page, page.get_by_role("button", name="Apply filter"))
    expect(page).to_have_url(re.compile("event_type=Source"))
    press(page, page.get_by_role("link", name="Source Viewed").first)
    sheet = page.get_by_role("dialog", name="Details")
    expect(sheet.get_by_text("row 059", exact=True)).to_be_visible()
    with page.expect_download() as one:
        press(page, sheet.get_by_role("link", name="Download proof"))
    one.value.save_as(tmp_path / "proof.json")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Source Viewed").first).to_be_focused()
    with page.expect_download() as started:
        press(page, page.get_by_role("link", name="Evidence pack"), key="Shift+Tab")
    pack = tmp_path / "pack.zip"
    started.value.save_as(pack)
    with zipfile.ZipFile(pack) as archive:
        archive.extract("verify.py", tmp_path)

    def check(path: Path, *how: str) -> tuple[int, str]:
        command = [sys.executable, "-I", str(tmp_path / "verify.py"), *how, str(path), "--key", key]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    code, told = check(tmp_path / "proof.json", "--proof")
    assert (code, told.startswith("PASS: the row stood in the log")) == (0, True), told
    code, told = check(pack)
    assert (code, told.startswith("PASS: ")) == (0, True), told
    flipped = rewritten(pack, "rows.ndjson", lambda text: text.replace(b"row 042", b"row 04b"))
    with zipfile.ZipFile(pack) as archive:
        lines = archive.read("rows.ndjson").splitlines()
    number = next(n for n, line in enumerate(lines) if b"row 042" in line)
    code, told = check(flipped)
    assert (code, told.startswith(f"FAIL: row {number} (")) == (1, True), told
    assert found == []


def test_a_flipped_byte_of_the_archive_names_a_row(as_alice: Client, workspace: Workspace, tmp_path: Path) -> None:
    fill(workspace, 200)
    pack = download(as_alice, tmp_path)
    whole = pack.read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        told = archive.getinfo("rows.ndjson")
    damaged = bytearray(whole)
    damaged[told.header_offset + told.compress_size // 2] ^= 1
    pack.write_bytes(damaged)
    with pytest.raises(Untrue, match=r"^row \d+ \("):
        check_pack(str(pack), keys(workspace))

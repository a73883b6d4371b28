"""The demo's mailbox: mails as Django's file backend leaves them, on the receiver's page."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.mail import EmailMessage, get_connection

from segment_app import mailbox
from segment_app.receiver import Handler, Inbox, Server


def send(folder: Path, *messages: tuple[str, str]) -> None:
    """Each as (subject, text), by one connection: they share a file."""
    connection = get_connection("django.core.mail.backends.filebased.EmailBackend", file_path=str(folder))
    mails = [EmailMessage(subject, text, "from@x.example", ["nina@x.example"]) for subject, text in messages]
    assert connection.send_messages(mails) == len(mails)


def test_mails_are_read_newest_first(tmp_path: Path) -> None:
    assert mailbox.newest(tmp_path / "missing") == []
    send(tmp_path, ("First", "one"), ("Zweite, ä", f"{'long ' * 40}https://x.example/invitations/{'s' * 43}"))
    time.sleep(0.01)
    send(tmp_path, ("Third", "-" * 80 + "\nthree"))
    found = mailbox.newest(tmp_path)
    assert [mail.subject for mail in found] == ["Third", "Zweite, ä", "First"]
    assert found[1].text.rstrip().endswith(f"https://x.example/invitations/{'s' * 43}")
    assert (found[2].to, found[2].text.strip()) == ("nina@x.example", "one")
    assert "three" in found[0].text


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A receiver whose mail folder is the test's."""
    facts = {"inbox": Inbox(), "key_file": tmp_path / "key.pem", "mail_folder": tmp_path}
    with Server(("127.0.0.1", 0), type("TestHandler", (Handler,), facts)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def get(port: int, host: str) -> tuple[int, str]:
    asked = http.client.HTTPConnection("127.0.0.1", port)
    asked.request("GET", "/mail", headers={"Host": host})
    answer = asked.getresponse()
    text = answer.read().decode()
    asked.close()
    return answer.status, text


def test_the_page_shows_mails_with_their_links_and_no_markup_of_theirs(port: int, tmp_path: Path) -> None:
    assert "Nothing yet." in get(port, f"127.0.0.1:{port}")[1]
    send(tmp_path, ("Hello", "http://localhost:8000/invitations/abc\n<script>alert(1)</script>"))
    status, page = get(port, f"localhost:{port}")
    assert status == 200
    assert '<a href="http://localhost:8000/invitations/abc"' in page
    assert "<script>" not in page


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", ""])
def test_a_page_under_another_name_reads_no_mail(port: int, tmp_path: Path, host: str) -> None:
    send(tmp_path, ("Hello", "secret"))
    status, page = get(port, host)
    assert (status, "secret" in page) == (403, False)

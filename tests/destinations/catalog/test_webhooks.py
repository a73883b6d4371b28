"""The Webhooks connector: its form, its request, its reading of answers."""

import hashlib
import hmac

import pytest

from destinations.catalog.base import Request, Response, Verdict
from destinations.catalog.registry import connector
from destinations.catalog.webhooks import Webhooks, WebhooksForm
from tests.destinations.catalog.conforming import Conforming

URL = "https://example.com/hook"
BODY = '{"type":"track","event":"Visit","properties":{"note":"ü"}}'.encode()


class TestWebhooks(Conforming):
    connector = Webhooks()

    def settings(self, host: str) -> dict[str, str]:
        return {"url": host, "headers": "", "shared_secret": "s"}


def form(**data: str) -> WebhooksForm:
    return WebhooksForm({"url": URL, "headers": "", "shared_secret": "", **data})


def request(*, attempt: int = 1, fingerprint: str = "", message_id: str = "m-1", **settings: str) -> Request:
    return Webhooks().build_request(
        BODY, {"url": URL, **settings}, key_fingerprint=fingerprint, message_id=message_id, attempt=attempt
    )


def test_it_is_found_by_its_slug() -> None:
    assert isinstance(connector("webhooks"), Webhooks)


def test_an_unknown_slug_is_an_error() -> None:
    with pytest.raises(KeyError):
        connector("nope")


def test_labels_are_the_documented_ones() -> None:
    assert [field.label for field in form().fields.values()] == ["Webhook URL", "Headers", "Shared Secret"]


def test_a_filled_form_gives_plain_json_values() -> None:
    filled = form(headers=" Authorization: Bearer x \n\nX-Team: red", shared_secret=" s ")
    assert filled.is_valid()
    assert filled.cleaned_data == {
        "url": URL,
        "headers": "Authorization: Bearer x\nX-Team: red",
        "shared_secret": " s ",
    }


def test_the_url_is_required() -> None:
    assert form(url="").errors == {"url": ["This field is required."]}


def test_a_private_url_is_refused_with_the_way_out() -> None:
    assert "DELIVERY_ALLOWED_NETWORKS" in form(url="http://169.254.169.254/latest").errors["url"][0]


def test_the_operators_allow_list_is_honoured(settings) -> None:
    settings.DELIVERY_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    assert form(url="http://127.0.0.1:9/").is_valid()


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ("no colon", "Line 1: write"),
        (": empty", "Line 1: write"),
        ("Bad Name: x", "Line 1: write"),
        ("Ok: 1\nX: é", "Line 2: the value"),
        ("X: a\x00b", ""),
        ("Host: evil", "Host is set by the delivery"),
        ("content-length: 3", "content-length is set by the delivery"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding is set"),
        ("X-Signature: forged", "X-Signature is set"),
        ("X-Encryption-Key-Fingerprint: forged", "is set by the delivery"),
        ("A: 1\na: 2", "a is given twice"),
        ("\n".join(f"H{n}: 1" for n in range(21)), "At most 20"),
    ],
)
def test_headers_that_cannot_be_sent_are_refused(headers: str, says: str) -> None:
    assert says in form(headers=headers).errors["headers"][0]


def test_a_refused_header_does_not_repeat_its_value() -> None:
    assert "secret-token" not in str(form(headers="X-Signature: secret-token").errors)


def test_the_request_carries_the_body_and_our_headers() -> None:
    made = request(headers="Authorization: Bearer x")
    assert (made.url, made.body, made.timeout) == (URL, BODY, 5.0)
    assert made.headers == [
        ("Content-Type", "application/json"),
        ("User-Agent", "Customer-Data-Pipeline/1.0"),
        ("X-Message-Id", "m-1"),
        ("X-Retry-Count", "0"),
        ("Authorization", "Bearer x"),
    ]


def test_both_signatures_cover_the_exact_body() -> None:
    headers = dict(request(shared_secret="sécret").headers)
    key = "sécret".encode()
    assert headers["X-Signature"] == hmac.new(key, BODY, hashlib.sha1).hexdigest()
    assert headers["X-Signature-SHA256"] == "sha256=" + hmac.new(key, BODY, hashlib.sha256).hexdigest()


def test_without_a_secret_nothing_is_signed() -> None:
    assert not [name for name, _ in request(shared_secret="").headers if name.startswith("X-Signature")]


def test_the_key_fingerprint_travels_with_encrypted_events() -> None:
    assert dict(request(fingerprint="ab:cd").headers)["X-Encryption-Key-Fingerprint"] == "ab:cd"
    assert "X-Encryption-Key-Fingerprint" not in dict(request().headers)


def test_retries_are_counted_from_zero() -> None:
    assert dict(request(attempt=3).headers)["X-Retry-Count"] == "2"


def test_a_message_id_cannot_inject_a_header() -> None:
    assert dict(request(message_id="a\r\nX: ü").headers)["X-Message-Id"] == "a%0D%0AX: %C3%BC"


@pytest.mark.parametrize(
    ("status", "verdict", "code"),
    [
        (200, Verdict.DELIVERED, ""),
        (204, Verdict.DELIVERED, ""),
        (307, Verdict.DISCARD, "errors.discarded.307"),
        (400, Verdict.DISCARD, "errors.discarded.400"),
        (401, Verdict.DISCARD, "errors.discarded.401"),
        (404, Verdict.DISCARD, "errors.discarded.404"),
        (408, Verdict.RETRY, "errors.awaiting-retry.408"),
        (429, Verdict.RETRY, "errors.awaiting-retry.429"),
        (500, Verdict.RETRY, "errors.awaiting-retry.5xx"),
        (503, Verdict.RETRY, "errors.awaiting-retry.5xx"),
    ],
)
def test_what_each_status_means(status: int, verdict: Verdict, code: str) -> None:
    outcome = Webhooks().read_response(Response(status=status))
    assert (outcome.verdict, outcome.code) == (verdict, code)


@pytest.mark.parametrize("error", ["ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "TLS"])
def test_network_errors_are_retried(error: str) -> None:
    outcome = Webhooks().read_response(Response(status=None, error=error))
    assert (outcome.verdict, outcome.code) == (Verdict.RETRY, f"errors.awaiting-retry.{error}")


def test_a_refused_address_is_a_setting_to_mend() -> None:
    outcome = Webhooks().read_response(Response(status=None, error="ADDRESS_REFUSED"))
    assert (outcome.verdict, outcome.code) == (Verdict.DISCARD, "errors.discarded.INVALID_SETTINGS")

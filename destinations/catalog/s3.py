"""Amazon S3, or any store that speaks its API: gzipped NDJSON objects, one event a line, under a prefix by hour.

Requests are signed with AWS Signature Version 4 by botocore's signer and sent through the one door out, without
botocore's own HTTP. Events are collected in the ledger and written once a minute, so an object holds a minute's events
of a source. An object is named for what it holds: a try that is repeated writes the same object again.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from django import forms

from destinations.catalog.base import Batched, Batching, CatalogEntry, Item, Mode, Request, SettingsForm
from destinations.catalog.fields import AddressField, CredentialField
from destinations.catalog.reading import USER_AGENT, event_of
from workspaces.tracking import clock

GUIDE = """\
Once a minute the events that came in are written as one object: gzipped JSON, one event a line, at
<prefix>/<year>/<month>/<day>/<hour>/<name>.ndjson.gz, by the hour (UTC) in which the first of them was received. An
object holds up to 1,000 events; a busy source writes several.

The access key needs s3:PutObject on the bucket and nothing else. An event may be in two objects after a failure in the
middle of a write, always with the same messageId.

Storage takes events as they are: data encryption only supports event-stream, cloud-mode destinations. Use the bucket's
own encryption, and do not send what must not lie there in clear.
"""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")  # documented, "Bucket naming rules"
_REGION = re.compile(r"[a-z0-9-]{2,30}")
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()/=-]*")  # documented, "Safe characters"


class S3Form(SettingsForm):
    """Which bucket, whose key."""

    bucket = forms.CharField(label="Bucket Name", max_length=63, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    region = forms.CharField(
        label="Region",
        max_length=30,
        initial="us-east-1",
        help_text="The bucket's AWS region, such as eu-central-1.",
    )
    key_prefix = forms.CharField(
        label="Prefix",
        required=False,
        max_length=200,
        initial="segment-logs",
        help_text="Objects are written below it. Letters, digits and !_.*'()/=- only.",
    )
    access_key_id = CredentialField(label="Access Key ID", help_text="It needs s3:PutObject on the bucket.")
    secret_access_key = CredentialField(label="Secret Access Key")
    endpoint = AddressField(
        label="Endpoint URL",
        required=False,
        placeholder="https://minio.example.com",
        help_text="For other stores that speak the S3 API. Leave empty for AWS.",
    )

    def clean_bucket(self) -> str:
        """A name that a bucket can have."""
        return self._checked("bucket", _BUCKET, "A bucket's name has 3 to 63 small letters, digits, dots and hyphens.")

    def clean_region(self) -> str:
        """A name that a region can have: it becomes part of the host."""
        return self._checked("region", _REGION, "Enter the region as AWS writes it, such as eu-central-1.")

    def clean_key_prefix(self) -> str:
        """The prefix without slashes at its ends."""
        return self._checked("key_prefix", _PREFIX, "The prefix may hold only letters, digits and !_.*'()/=-").strip(
            "/"
        )

    def _checked(self, name: str, pattern: re.Pattern[str], refusal: str) -> str:
        value: str = self.cleaned_data[name]
        if not pattern.fullmatch(value):
            raise forms.ValidationError(refusal, code=f"refused_{name}")
        return value


class S3(Batched):
    """The connector."""

    entry: CatalogEntry = CatalogEntry(
        slug="s3",
        name="Amazon S3",
        category="Raw Data",
        description="Keep a copy of every event in a bucket of your own, as gzipped JSON by hour.",
        icon="archive",
        mode=Mode.STORAGE,
        featured=True,
        guide=GUIDE,
    )
    settings_form: type[SettingsForm] = S3Form
    batching: Batching | None = Batching(max_events=1000, max_bytes=8_000_000, every=60)

    def build_batch(self, items: Sequence[Item], settings: Mapping[str, Any]) -> Request:
        """One signed PUT of one object."""
        lines = b"\n".join(item.body for item in items) + b"\n"
        url = _address(settings) + quote(f"/{settings['bucket']}/{_key(items, lines, settings)}")
        body = gzip.compress(lines, compresslevel=6, mtime=0)
        headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip", "User-Agent": USER_AGENT}
        signed = AWSRequest(method="PUT", url=url, headers=headers, data=body)
        credentials = Credentials(settings["access_key_id"], settings["secret_access_key"])
        S3SigV4Auth(credentials, "s3", settings["region"]).add_auth(signed)
        return Request(url, tuple(signed.headers.items()), body, timeout=20.0, method="PUT")


def _address(settings: Mapping[str, Any]) -> str:
    """The host, with the bucket in the path: certificates for hosts do not cover buckets with dots in their names."""
    return settings.get("endpoint") or f"https://s3.{settings['region']}.amazonaws.com"


def _key(items: Sequence[Item], lines: bytes, settings: Mapping[str, Any]) -> str:
    received = clock.read(event_of(items[0].body).get("receivedAt")) or datetime.now(UTC)
    name = hashlib.sha256(lines).hexdigest()[:32]
    return "/".join(
        part for part in (settings.get("key_prefix"), f"{received:%Y/%m/%d/%H}", f"{name}.ndjson.gz") if part
    )

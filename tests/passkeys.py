"""A passkey in software: what a browser answers to the options of the pages (WebAuthn level 2)."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

HOST = "testserver"
PRESENT, VERIFIED, HAS_CREDENTIAL = 0x01, 0x04, 0x40


class Passkey:
    """One key pair, that answers for whoever it is told to."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(16)

    def registration(self, options: dict[str, Any], *, verified: bool = True) -> dict[str, Any]:
        """The answer to `navigator.credentials.create`, as JSON."""
        public = ES256.from_cryptography_key(self.key.public_key())
        credential = AttestedCredentialData.create(bytes(16), self.id, public)
        data = self._data(HAS_CREDENTIAL, verified=verified, credential=credential)
        statement = AttestationObject.create("none", data, {})
        client = _client_data("webauthn.create", options)
        response = {"clientDataJSON": websafe_encode(client), "attestationObject": websafe_encode(statement)}
        return self._answer(response) | {"clientExtensionResults": {"credProps": {"rk": True}}}

    def assertion(self, options: dict[str, Any], *, user_id: str, verified: bool = True) -> dict[str, Any]:
        """The answer to `navigator.credentials.get`, as JSON."""
        data, client = self._data(0, verified=verified), _client_data("webauthn.get", options)
        signature = self.key.sign(bytes(data) + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": websafe_encode(client),
                "authenticatorData": websafe_encode(data),
                "signature": websafe_encode(signature),
                "userHandle": websafe_encode(user_id.encode()),
            }
        )

    def _data(self, flags: int, *, verified: bool, credential: bytes = b"") -> AuthenticatorData:
        flags |= PRESENT | (VERIFIED if verified else 0)
        host = hashlib.sha256(HOST.encode()).digest()
        return AuthenticatorData.create(host, AuthenticatorData.FLAG(flags), 1, credential)

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        name = websafe_encode(self.id)
        return {
            "type": "public-key",
            "id": name,
            "rawId": name,
            "response": response,
            "clientExtensionResults": {},
        }


def _client_data(kind: str, options: dict[str, Any]) -> bytes:
    origin = f"http://{HOST}"
    return json.dumps(
        {"type": kind, "challenge": options["challenge"], "origin": origin, "crossOrigin": False}
    ).encode()

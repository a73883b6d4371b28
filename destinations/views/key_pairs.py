"""Generate Encryption Keys, for the wizard and for the Data Encryption tab: the one response a private key is in."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_variables

from destinations.drafts import Answers
from destinations.encryption import proof, setup
from destinations.encryption.keys import KeyPair
from destinations.models import Draft, PublicKey
from workspaces.requests import MemberRequest


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came of the button: `pair` where the key was made here, and what its holder is asked to decrypt."""

    pair: KeyPair | None
    challenge: str  # "" for a customer's own key, whose private half need not be near any browser


@sensitive_variables("pair", "text")
def draw(request: MemberRequest, draft: Draft, answers: Answers) -> Drawn:
    """Make a pair, or take the public key that was sent; raises as the verbs of `encryption.setup` do."""
    token, pair = request.POST.get("key_request", ""), None
    if answers.key_origin == PublicKey.Origin.SERVER:
        pair = setup.generate_keys(draft, answers, token=token, actor=request.user)
    else:
        text = request.POST.get("public_key", "")
        setup.take_public_key(draft, answers, text=text, token=token, actor=request.user)
    own = answers.key_origin == PublicKey.Origin.OWN
    return Drawn(pair, "" if own else proof.draw_challenge(draft, actor=request.user))


def check_proof(request: MemberRequest, draft: Draft) -> HttpResponse:
    """Answer the challenge: whether it was decrypted, as JSON for the script that asked."""
    proved = proof.prove(draft, request.POST.get("answer", ""), actor=request.user)
    key = draft.pending_key
    return JsonResponse({"proved": proved, "fingerprint": key.fingerprint if key else ""})


def unstored(response: HttpResponse) -> HttpResponse:
    """The response, which nobody may store."""
    response["Cache-Control"], response["Pragma"] = "no-store", "no-cache"
    return response


def only_once(request: MemberRequest) -> HttpResponse:
    """410: the request was answered before."""
    part = "#key_notice" if request.htmx else ""
    response = unstored(render(request, f"destinations/key_gone.html{part}", status=HTTPStatus.GONE))
    if request.htmx:
        # The notice goes above the form: where a key stands on the page, it must not be swept away.
        response["HX-Retarget"], response["HX-Reswap"] = "#key-notice", "innerHTML"
    return response

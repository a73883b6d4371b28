"""Detection: the matchers, one of them with what it finds, and the dialog that makes and changes custom ones."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit.event_types import EventType
from audit.middleware import audited
from privacy import custom_matchers, detection, recommendations
from privacy.detection import Preview
from privacy.matchers import fold
from privacy.models import CustomMatcher
from privacy.rules.book import Rule
from privacy.rules.terms import TermError
from privacy.scanning.trial import Trial, try_json
from privacy.views.matcher_form import SAMPLE, MatcherForm
from privacy.views.rights import require_classifying
from workspaces import listing
from workspaces.access import Right, require_right
from workspaces.requests import MemberRequest

GET_OR_POST = ["GET", "HEAD", "POST"]


@require_safe
@audited(EventType.PRIVACY_DETECTION_VIEWED)
def matchers(request: MemberRequest) -> HttpResponse:
    """Every matcher, searched by name and synonym."""
    text = listing.search_text(request.GET)
    found = detection.matchers_of(request.workspace, text, actor=request.user)
    context = {"text": text, "matchers": found, "most": custom_matchers.MOST_MATCHERS}
    return render(request, "privacy/detection.html", context)


@require_safe
@audited(EventType.MATCHER_VIEWED)
def matcher(request: MemberRequest, matcher_id: uuid.UUID) -> HttpResponse:
    """One custom matcher: what it looks for, the fields it found, what uses it."""
    matcher = _find(request, matcher_id)
    context = {
        "matcher": matcher,
        "uses": custom_matchers.uses_of_matcher(matcher),
        **_found(request, matcher.name, custom=True),
    }
    return render(request, "privacy/matcher.html", context)


@require_safe
@audited(EventType.MATCHER_VIEWED)
def default_matcher(request: MemberRequest, slug: str) -> HttpResponse:
    """One default matcher: what it looks for, the fields it found, what overrides it."""
    require_classifying(request)
    known = detection.BY_SLUG.get(slug)
    if known is None:
        raise Http404("no such default matcher")
    request.audit_details = {"default matcher": known.name}
    override = request.workspace.matchers.filter(folded=fold(known.name)).first()
    row = detection.DefaultRow(known, slug, override is not None)
    context = {"row": row, "override": override, **_found(request, known.name, custom=False)}
    return render(request, "privacy/default_matcher.html", context)


@require_http_methods(GET_OR_POST)
@audited(EventType.PRIVACY_DETECTION_VIEWED)
@sensitive_post_parameters()
def new(request: MemberRequest) -> HttpResponse:
    """New Matcher."""
    require_classifying(request)
    form = _form(request)
    if _wants_saving(request) and form.is_valid():
        try:
            made = custom_matchers.create_matcher(request.workspace, form.answers(), actor=request.user)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return _saved(request, made, f"{made.name} is saved. It is asked about every event from now on.")
    return _form_page(request, form)


@require_http_methods(GET_OR_POST)
@audited(EventType.MATCHER_VIEWED)
@sensitive_post_parameters()
def edit(request: MemberRequest, matcher_id: uuid.UUID) -> HttpResponse:
    """Edit Matcher."""
    matcher = _find(request, matcher_id)
    if matcher.matches_on == CustomMatcher.MatchesOn.VALUE:
        require_right(request.user, request.workspace, Right.SEE_PII)
    form = _form(request, matcher)
    if _wants_saving(request) and form.is_valid():
        try:
            custom_matchers.modify_matcher(matcher, form.answers(), actor=request.user)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return _saved(request, matcher, f"{matcher.name} is saved.")
    return _form_page(request, form, matcher)


@require_http_methods(GET_OR_POST)
@audited(EventType.MATCHER_VIEWED)
def delete(request: MemberRequest, matcher_id: uuid.UUID) -> HttpResponse:
    """Ask, then remove the matcher."""
    matcher = _find(request, matcher_id)
    if request.method == "POST":
        try:
            custom_matchers.delete_matcher(matcher, actor=request.user)
        except ValidationError as refusal:
            messages.error(request, refusal.messages[0])
            return redirect("privacy_matcher", request.workspace.slug, matcher_id)
        messages.success(request, f"{matcher.name} is removed.")
        return redirect("privacy_detection", request.workspace.slug)
    uses = custom_matchers.uses_of_matcher(matcher)
    return render(request, "privacy/matcher_delete.html", {"matcher": matcher, "uses": uses})


@require_POST
@sensitive_post_parameters()
def trial(request: MemberRequest) -> HttpResponse:
    """Test JSON, live: what the matcher in the form would hit. The pasted text is answered and forgotten."""
    require_classifying(request)
    return render(request, "privacy/trial.html", _trial(request, _form(request)))


def _form(request: MemberRequest, matcher: CustomMatcher | None = None) -> MatcherForm:
    data = request.POST if request.method == "POST" else None
    return MatcherForm(data, may_match_values=Right.SEE_PII in request.rights, matcher=matcher)


def _wants_saving(request: MemberRequest) -> bool:
    """Without scripts the same form has a button that only tests."""
    return request.method == "POST" and "test" not in request.POST


def _form_page(request: MemberRequest, form: MatcherForm, matcher: CustomMatcher | None = None) -> HttpResponse:
    only_tests = request.method == "POST" and not _wants_saving(request)
    context = {
        "form": form,
        "matcher": matcher,
        "action": request.path,
        "json": request.POST.get("json", SAMPLE),
        **(_trial(request, form) if only_tests else {}),
    }
    return render(request, f"privacy/matcher_{'dialog' if request.htmx else 'page'}.html", context)


def _trial(request: MemberRequest, form: MatcherForm) -> dict[str, object]:
    try:
        rule = form.rule()
    except TermError as error:
        return {"trial": Trial(error=str(error))}
    if not rule.terms:
        return {"trial": Trial()}
    return {
        "trial": try_json(request.POST.get("json", ""), rule),
        "preview": _preview(request, rule),
        "offers_samples": rule.on == "value" and Right.SEE_PII in request.rights,
    }


def _preview(request: MemberRequest, rule: Rule) -> Preview | None:
    """What the rule would hit of the last 7 days; on values where that is asked for, as it is recorded."""
    if rule.on == "key":
        return detection.preview(request.workspace, rule)
    if request.POST.get("test") != "samples":
        return None
    return detection.try_on_samples(request.workspace, rule, actor=request.user)


def _saved(request: MemberRequest, matcher: CustomMatcher, said: str) -> HttpResponse:
    messages.success(request, said)
    url = reverse("privacy_matcher", args=[request.workspace.slug, matcher.pk])
    return HttpResponse(headers={"HX-Redirect": url}) if request.htmx else redirect(url)


def _found(request: MemberRequest, name: str, *, custom: bool) -> dict[str, object]:
    """The fields a matcher found, a page of them, with the reasons."""
    asked = listing.Question({"found": "Field"}, "", "found")
    page = listing.page_of(detection.found_by(request.workspace, name, custom=custom), request.GET)
    return {
        "fields": [(field, detection.reason(field)) for field in page],
        "total": page.paginator.count,
        "links": listing.links(page, asked),
        "asking_anew": recommendations.stale_rows(request.workspace.pk).exists(),
    }


def _find(request: MemberRequest, matcher_id: uuid.UUID) -> CustomMatcher:
    require_classifying(request)
    matcher = get_object_or_404(request.workspace.matchers.select_related("created_by", "workspace"), pk=matcher_id)
    request.audit_subject = matcher
    return matcher

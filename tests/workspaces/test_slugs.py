"""Names become slugs that fit, differ and are never empty."""

from django.core.validators import validate_slug
from hypothesis import given
from hypothesis import strategies as st

from workspaces.slugs import LENGTH, unique_slug


@given(st.text(), st.integers(0, 30))
def test_a_slug_is_valid_fits_and_is_free(name: str, used: int) -> None:
    taken: set[str] = set()
    for _ in range(used + 1):
        slug = unique_slug(name, taken=taken, fallback="go")
        validate_slug(slug)
        assert len(slug) <= LENGTH
        assert slug not in taken
        taken.add(slug)


def test_numbers_follow() -> None:
    assert unique_slug("Clinic API", taken={"clinic-api", "clinic-api-2"}, fallback="go") == "clinic-api-3"
    assert unique_slug("x" * 90, taken={"x" * 60}, fallback="go") == "x" * 58 + "-2"

"""The kinds of source there are: everything that speaks the Tracking API, by where it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One card of the catalog. `slug` is what `Source.kind` holds; `icon` is a lucide name."""

    slug: str
    name: str
    category: str
    icon: str
    description: str


CATEGORIES = ("Website", "Mobile", "Server")

_SDK = "Point the library at this server by its host option and give it the source's write key."

KINDS: tuple[SourceKind, ...] = (
    SourceKind(
        "javascript",
        "Javascript",
        "Website",
        "app-window",
        "Collects page views, identities and actions from visitors' browsers with Analytics.js or any client that "
        "speaks the Tracking API.",
    ),
    SourceKind("ios", "Apple (iOS)", "Mobile", "smartphone", f"Collects events from apps written in Swift. {_SDK}"),
    SourceKind("android", "Kotlin (Android)", "Mobile", "tablet-smartphone", f"Collects events from Android. {_SDK}"),
    SourceKind("flutter", "Flutter", "Mobile", "layers", f"Collects events from Flutter apps. {_SDK}"),
    SourceKind("react-native", "React Native", "Mobile", "atom", f"Collects events from React Native apps. {_SDK}"),
    SourceKind(
        "http-api",
        "HTTP API",
        "Server",
        "radio-tower",
        "Takes events from anything that can make an HTTP request: a cron job, an integration engine, a script.",
    ),
    SourceKind("node", "Node.js", "Server", "hexagon", f"Collects events from Node.js servers. {_SDK}"),
    SourceKind("python", "Python", "Server", "terminal", f"Collects events from Python servers and jobs. {_SDK}"),
    SourceKind("go", "Go", "Server", "braces", f"Collects events from Go services. {_SDK}"),
    SourceKind("java", "Java", "Server", "coffee", f"Collects events from Java and other JVM services. {_SDK}"),
    SourceKind("ruby", "Ruby", "Server", "gem", f"Collects events from Ruby applications. {_SDK}"),
    SourceKind("php", "PHP", "Server", "code-xml", f"Collects events from PHP applications. {_SDK}"),
    SourceKind("dotnet", ".NET", "Server", "blocks", f"Collects events from .NET services. {_SDK}"),
)

BY_SLUG = {kind.slug: kind for kind in KINDS}


def kind_of(slug: str) -> SourceKind:
    """The kind with this slug; one that is no longer in the catalog still shows by its slug."""
    return BY_SLUG.get(slug) or SourceKind(slug, slug, "Other", "box", "")


def find(text: str = "", category: str = "") -> list[tuple[str, list[SourceKind]]]:
    """(category, kinds) in catalog order: those whose name contains `text`, of one category if given."""
    wanted = [kind for kind in KINDS if text.casefold() in kind.name.casefold() and category in {"", kind.category}]
    groups = [(name, [kind for kind in wanted if kind.category == name]) for name in CATEGORIES]
    return [(name, kinds) for name, kinds in groups if kinds]

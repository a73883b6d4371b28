"""Code that sends a first event to this server. Pure text: write key and address go in, the snippet comes out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Snippet:
    """A snippet to copy. `setup` is the command that installs the library, empty where none is needed."""

    language: str
    title: str
    setup: str
    code: str


LANGUAGES = {"curl": "curl", "python": "Python", "node": "Node.js", "browser": "Browser"}

_KIND_LANGUAGE = {"javascript": "browser", "python": "python", "node": "node"}

_CURL = """\
curl {url}/v1/track \\
  --user '{key}:' \\
  --header 'Content-Type: application/json' \\
  --data '{{"userId": "patient-1", "event": "Appointment Booked", "properties": {{"clinic": "North"}}}}'
"""

_PYTHON = """\
import segment.analytics as analytics

analytics.write_key = {key}
analytics.host = {url}

analytics.track(user_id="patient-1", event="Appointment Booked", properties={{"clinic": "North"}})
analytics.flush()
"""

_NODE = """\
import {{ Analytics }} from '@segment/analytics-node'

const analytics = new Analytics({{
  writeKey: {key},
  host: {url},
}})

analytics.track({{
  userId: 'patient-1',
  event: 'Appointment Booked',
  properties: {{ clinic: 'North' }},
}})
await analytics.closeAndFlush()
"""

_BROWSER = """\
import {{ AnalyticsBrowser }} from '@segment/analytics-next'

const analytics = AnalyticsBrowser.load(
  {{
    writeKey: {key},
    cdnSettings: {{ integrations: {{ 'Segment.io': {{ apiKey: {key} }} }} }},
  }},
  {{ integrations: {{ 'Segment.io': {{ apiHost: {host}, protocol: {protocol} }} }} }},
)

analytics.page()
analytics.track('Appointment Booked', {{ clinic: 'North' }})
"""


def snippet(language: str, *, write_key: str, site_url: str) -> Snippet:
    """The snippet in `language`, one of LANGUAGES; raises KeyError for another."""
    title = LANGUAGES[language]
    where = urlsplit(site_url)
    quoted = {"key": json.dumps(write_key), "url": json.dumps(site_url)}
    if language == "curl":
        return Snippet(language, title, "", _CURL.format(key=write_key, url=site_url))
    if language == "python":
        return Snippet(language, title, "pip install segment-analytics-python", _PYTHON.format(**quoted))
    if language == "node":
        return Snippet(language, title, "npm install @segment/analytics-node", _NODE.format(**quoted))
    host, protocol = json.dumps(f"{where.netloc}{where.path}/v1"), json.dumps(where.scheme)
    code = _BROWSER.format(key=quoted["key"], host=host, protocol=protocol)
    return Snippet(language, title, "npm install @segment/analytics-next", code)


def language_for(kind: str) -> str:
    """The language a source of this kind most likely speaks."""
    return _KIND_LANGUAGE.get(kind, "curl")

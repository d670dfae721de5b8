"""Every call of the API that the audit log records, with the entries that it leaves."""

from dataclasses import dataclass
from typing import Any

from hashsvc.access import Role
from hashsvc.removal.platforms.registry import subject_of
from hashsvc.signals import sign_image
from tests.api.helpers import body_of, content_of
from tests.conftest import generated_photo, jpeg

INTAKE, ANALYST, SCANNER, ADMIN = Role.INTAKE, Role.ANALYST, Role.SCANNER, Role.ADMIN
PHOTOS = [jpeg(generated_photo(seed)) for seed in range(1, 8)]
MORE, HOLDERS_MORE = content_of(PHOTOS[4]), content_of(PHOTOS[5])


@dataclass(frozen=True)
class Deed:
    """A call, and action and subject of each audit entry that it leaves. `…` is any new id."""

    who: Role | None
    method: str
    path: str
    left: list[tuple[str, str]]
    body: dict[str, Any] | None = None


ALWAYS = "since=2000-01-01T00:00:00Z&until=2100-01-01T00:00:00Z"
HERE = subject_of("here")
PLATFORM = {
    "name": "Here",
    "domains": ["127.0.0.1"],
    "kind": "hosting",
    "country": "BE",
    "checked": "2026-01-05",
    "source": ["https://here.example/imprint"],
    "channels": [
        {
            "type": "email",
            "address": "abuse@here.example",
            "languages": ["en"],
            "basis": "dsa-notice",
            "verified": True,
        }
    ],
}
SEEN = [("case.read", "{number}")]
DEEDS = [
    Deed(INTAKE, "POST", "/v1/cases", [("case.open", "…")], {"adult": True}),
    Deed(INTAKE, "GET", "/v1/cases/{number}", SEEN),
    Deed(
        INTAKE,
        "POST",
        "/v1/cases/{number}/contents",
        [("content.add", MORE["content"]), *SEEN],
        {"contents": [MORE]},
    ),
    Deed(ANALYST, "POST", "/v1/cases/{number}/pin-resets", [("pin.request", "{number}")]),
    Deed(
        ANALYST,
        "POST",
        "/v1/cases/{other_number}/pin-resets/{reset}/approval",
        [("pin.renew", "{other_number}")],
    ),
    Deed(None, "POST", "/v1/holder/state", SEEN, {}),
    Deed(
        None,
        "POST",
        "/v1/holder/contents",
        [("content.add", HOLDERS_MORE["content"]), *SEEN],
        {"contents": [HOLDERS_MORE]},
    ),
    Deed(None, "POST", "/v1/holder/renew", [("case.renew", "{number}")], {}),
    Deed(
        None,
        "POST",
        "/v1/holder/withdraw",
        [("content.withdraw", HOLDERS_MORE["content"])],
        {"content": HOLDERS_MORE["content"]},
    ),
    Deed(
        ANALYST,
        "GET",
        "/v1/pending-contents",
        [
            ("content.list-pending", "2"),
            ("content.read", "{pending_content}"),
            ("content.read", "{pending_2_content}"),
        ],
    ),
    Deed(
        ANALYST,
        "POST",
        "/v1/pending-contents/{pending_content}/release",
        [("content.release", "{pending_content}")],
    ),
    Deed(
        ANALYST,
        "POST",
        "/v1/pending-contents/{pending_2_content}/rejection",
        [("content.reject", "{pending_2_content}"), ("content.withdraw", "{pending_2_content}")],
    ),
    Deed(
        ADMIN,
        "POST",
        "/v1/lists/common/images",
        [("list.add-common", "…")],
        body_of(sign_image(PHOTOS[6])),
    ),
    Deed(
        ADMIN,
        "POST",
        "/v1/lists/protected/images",
        [("list.add-protected", "…")],
        body_of(sign_image(PHOTOS[6])),
    ),
    Deed(ADMIN, "DELETE", "/v1/lists/common/images/{label}", [("list.remove-common", "{label}")]),
    Deed(
        ANALYST,
        "DELETE",
        "/v1/lists/protected/images/{protected_label}",
        [("list.remove-protected", "{protected_label}")],
    ),
    Deed(SCANNER, "POST", "/v1/scans", [("scan.submit", "…")], {"urls": ["http://x.example/"]}),
    Deed(SCANNER, "GET", "/v1/scans/{scan}/items", [("scan.items", "{scan}")]),
    Deed(
        ANALYST,
        "GET",
        "/v1/scans/{scan}/results",
        [("scan.results", "{scan}"), ("match.list", "1"), ("match.read", "{match}")],
    ),
    Deed(SCANNER, "GET", "/v1/scans/{scan}/results", [("scan.results", "{scan}")]),
    Deed(ANALYST, "GET", "/v1/scans/{scan}/events",
        [("scan.follow", "{scan}"), ("match.list", "1"), ("match.read", "{match}")],
    ),
    Deed(SCANNER, "POST", "/v1/scans/{scan}/retry", [("scan.retry", "{scan}")]),
    Deed(SCANNER, "POST", "/v1/scans/{scan}/cancel", [("scan.cancel", "{scan}")]),
    Deed(SCANNER, "POST", "/v1/scans/{scan}/resume", [("scan.resume", "{scan}")]),
    Deed(
        ANALYST,
        "POST",
        "/v1/watches",
        [("watch.begin", "…")],
        {"scan": "{scan}", "every_h": 24, "days": 30},
    ),
    Deed(SCANNER, "DELETE", "/v1/watches/{watch}", [("watch.end", "{watch}")]),
    Deed(
        SCANNER, "POST", "/v1/lookups", [("lookup.make", "1")], body_of(sign_image(PHOTOS[0]))
    ),
    Deed(ANALYST, "GET", "/v1/matches", [("match.list", "1"), ("match.read", "{match}")]),
    Deed(ANALYST, "GET", "/v1/matches?state=dismissed", [("match.list", "0")]),
    Deed(ANALYST, "GET", "/v1/matches/{match}", [("match.read", "{match}")]),
    Deed(ANALYST, "GET", "/v1/matches/{match}/why", [("match.read", "{match}")]),
    Deed(
        ANALYST,
        "POST",
        "/v1/comparisons",
        [("comparison.make", "2")],
        {"first": body_of(sign_image(PHOTOS[0])), "second": body_of(sign_image(PHOTOS[1]))},
    ),
    Deed(
        ANALYST,
        "POST",
        "/v1/matches/{match}/verdict",
        [("match.dismissed", "{match}"), ("match.suppress", "…"), ("match.read", "{match}")],
        {"confirmed": False, "reason": "other-image"},
    ),
    Deed(
        ANALYST,
        "GET",
        "/v1/suppressions",
        [("match.list-suppressed", "2"), *[("match.read-suppressed", "…")] * 2],
    ),
    Deed(
        ANALYST,
        "DELETE",
        "/v1/suppressions/{suppression}",
        [("match.unsuppress", "{suppression}"), ("match.reopen", "{match}")],
    ),
    Deed(
        ANALYST,
        "GET",
        "/v1/quarantine",
        [
            ("content.list-quarantine", "2"),
            ("content.read", "{content}"),
            ("content.read", "{flood_content}"),
        ],
    ),
    Deed(
        ANALYST,
        "POST",
        "/v1/quarantine/{content}/release",
        [("content.unquarantine", "{content}")],
    ),
    Deed(
        ANALYST,
        "POST",
        "/v1/quarantine/{flood_content}/dismissal",
        [("content.unquarantine", "{flood_content}")],
    ),
    Deed(ANALYST, "GET", "/v1/cases/{number}/lowest-tier", SEEN),
    Deed(
        ANALYST,
        "PUT",
        "/v1/cases/{number}/lowest-tier",
        [("case.set-lowest-tier", "{number}")],
        {"lowest_tier": "likely"},
    ),
    Deed(
        ANALYST,
        "PUT",
        "/v1/lowest-tiers",
        [("host.set-lowest-tier", "certain")],
        {"host": "example.org", "lowest_tier": "certain"},
    ),
    Deed(ANALYST, "GET", "/v1/lowest-tiers", [("host.list-lowest-tiers", "1")]),
    Deed(
        ANALYST,
        "POST",
        "/v1/matches/{match}/verdict",
        [("match.confirmed", "{match}"), ("match.read", "{match}")],
        {"confirmed": True},
    ),
    Deed(ANALYST, "GET", "/v1/matches/{match}/actors", [("match.read", "{match}")]),
    Deed(
        INTAKE,
        "POST",
        "/v1/cases/{number}/consents",
        [("consent.give-litigate", "{number}")],
        {"kind": "litigate"},
    ),
    Deed(ANALYST, "GET", "/v1/cases/{number}/consents", [("consent.read", "{number}")]),
    Deed(ANALYST, "PUT", "/v1/platforms/{platform}", [("platform.put", HERE)], PLATFORM),
    Deed(ANALYST, "GET", "/v1/platforms", [("platform.list", "all")]),
    Deed(ANALYST, "GET", "/v1/platforms.yaml", [("platform.list", "all")]),
    Deed(ANALYST, "GET", "/v1/platforms/{platform}", [("platform.read", HERE)]),
    Deed(ANALYST, "POST", "/v1/removal-requests", [("request.raise", "…")], {"match": "{match}"}),
    Deed(ANALYST, "POST", "/v1/removal-requests", [("request.read", "…")], {"match": "{match}"}),
    Deed(
        ANALYST, "GET", "/v1/removal-requests", [("request.list", "1"), ("request.read", "…")]
    ),
    Deed(ANALYST, "GET", "/v1/removal-requests/{request}", [("request.read", "{request}")]),
    Deed(ANALYST, "GET", "/v1/removal-requests/{request}/notice", [("request.read", "{request}")]),
    Deed(
        ANALYST,
        "POST",
        "/v1/removal-requests/{request}/moves",
        [("request.approved", "{request}")],
        {"to": "approved"},
    ),
    Deed(
        ANALYST,
        "POST",
        "/v1/removal-requests/{request}/mails",
        [("request.read", "{request}")],
        {"dry_run": True},
    ),
    Deed(
        ANALYST,
        "POST",
        "/v1/removal-requests/{request}/mail-settlements",
        [("request.mail-was-not-sent", "{request}")],
        {"was_sent": False, "reason": "The mail server never saw it."},
    ),
    Deed(
        ANALYST,
        "POST",
        "/v1/removal-requests/{request}/moves",
        [("request.sent", "{request}")],
        {"to": "sent"},
    ),
    Deed(
        ANALYST,
        "POST",
        "/v1/removal-requests/{request}/rechecks",
        [("request.recheck", "{request}")],
    ),
    Deed(
        ANALYST,
        "POST",
        "/v1/removal-requests/{request}/observations",
        [("request.recheck", "{request}")],
        {"outcome": "unreachable", "reason": "A login wall."},
    ),
    Deed(ANALYST, "GET", "/v1/deadlines", [("request.list", "1"), ("request.read", "{request}")]),
    Deed(
        ANALYST,
        "GET",
        "/v1/deadlines.ics",
        [("request.list", "1"), ("request.read", "{request}")],
    ),
    Deed(
        ANALYST,
        "POST",
        "/v1/removal-requests/{request}/moves",
        [("request.refused", "{request}")],
        {"to": "refused", "reason": "Not against our rules."},
    ),
    Deed(
        ANALYST,
        "POST",
        "/v1/removal-requests/{request}/complaints",
        [("request.complained", "{request}")],
        {},
    ),
    Deed(
        ANALYST,
        "POST",
        "/v1/removal-requests/{request}/referrals",
        [("request.escalated", "{request}")],
        {},
    ),
    Deed(
        ANALYST,
        "POST",
        "/v1/removal-requests/{request}/orders",
        [("order.annex", "…"), ("request.order-sought", "{request}")],
        {},
    ),
    Deed(
        ANALYST,
        "POST",
        "/v1/removal-requests/{request}/escalations",
        [("request.raise", "…")],
        {},
    ),
    Deed(
        ANALYST,
        "GET",
        "/v1/removal-requests/{request}/evidence",
        [("evidence.request", "{request}")],
    ),
    Deed(ANALYST, "GET", "/v1/cases/{number}/evidence", [("evidence.case", "{number}")]),
    Deed(ANALYST, "GET", f"/v1/statistics?{ALWAYS}", [("statistics.read", "2")]),
    Deed(ANALYST, "DELETE", "/v1/platforms/{platform}", [("platform.remove", HERE)]),
    Deed(
        INTAKE,
        "DELETE",
        "/v1/cases/{number}/consents/{litigate_kind}",
        [("consent.withdraw-litigate", "{number}")],
    ),
    Deed(ADMIN, "POST", "/v1/exports", [("export.request", "…")]),
    Deed(ADMIN, "POST", "/v1/exports/{export}/approval", [("export.approve", "{export}")]),
    Deed(
        ADMIN, "GET", "/v1/exports/{approved_export}",
        [("export.take", "{approved_export}"), ("export.codes", "4")],
    ),
    Deed(ADMIN, "POST", "/v1/organisations", [("organisation.create", "…")], {"name": "A body"}),
    Deed(ADMIN, "POST", "/v1/keys", [("key.create", "…")], {"role": "scanner"}),
    Deed(ADMIN, "GET", "/v1/keys", [("key.list", "7")]),
    Deed(ADMIN, "DELETE", "/v1/keys/{key}", [("key.revoke", "{key}")]),
    Deed(ADMIN, "GET", "/v1/audit/verification", [("audit.verify", "…")]),
    Deed(
        INTAKE,
        "DELETE",
        "/v1/cases/{number}/contents/{content}",
        [("request.withdrawn", "{request}"), ("content.withdraw", "{content}")],
    ),
    Deed(INTAKE, "DELETE", "/v1/cases/{other_number}", [("case.withdraw", "{other_number}")]),
]  # fmt: skip
# These calls show no case, match or key: only counts, states, labels and organisations' names.
LEAVE_NOTHING = {
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/v1/scans/{scan}"),
    ("GET", "/v1/watches"),
    ("GET", "/v1/organisations"),
    ("GET", "/v1/lists/{kind}/images"),
}

"""Records suspected re-uploads, except dismissed images and tiers below the lowest tier."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.bank import find_case
from hashsvc.clock import Clock, utc_now
from hashsvc.matching.bank_index import Found
from hashsvc.matching.evidence import Tier
from hashsvc.matching.quarantine import quarantine_flood
from hashsvc.matching.suppressing import is_suppressed
from hashsvc.store import Database, cases, lowest_tiers, matches, pending, unmatched
from hashsvc.store.candidates import Sighted
from hashsvc.store.ids import ContentId, KeyId, MatchId, OrganisationId, ScanId, random_id
from hashsvc.store.lowest_tiers import HostRule

# From the surest to the least sure.
_TIERS = tuple(Tier)


def record_match(
    connection: Connection,
    seen: Sighted,
    found: Found,
    *,
    scan_id: ScanId | None,
    flood_matches: int,
    now: datetime,
) -> MatchId | None:
    """
    Record a suspected re-upload and return its id; None if it must not be recorded.

    If a match of the same content and image URL was recorded before, return its id.
    """
    if not cases.has_content(connection, found.content_id):
        return None  # The content was withdrawn in the meantime.
    before = matches.find(connection, found.content_id, seen.image_url)
    if before is not None:
        return before
    tier = found.evidence.tier
    assert tier is not None
    if _is_below(tier, _lowest(connection, found.content_id, seen)):
        return None
    if is_suppressed(connection, found.content_id, seen):
        return None
    match_id = matches.add(
        connection,
        MatchId(random_id()),
        content_id=found.content_id,
        scan_id=scan_id,
        page_url=seen.page_url,
        image_url=seen.image_url,
        image_sha256=seen.image_sha256,
        tier=str(tier),
        evidence=found.evidence.dump(),
        facts=seen.facts,
        now=now,
    )
    quarantine_flood(connection, found.content_id, flood_matches=flood_matches, now=now)
    return match_id


class LowestTiers:
    """The lowest tiers of cases and hosts. If both have one, the stricter one counts."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def of_case(self, number: str, *, actor: KeyId, organisation_id: OrganisationId) -> Tier:
        """
        Return the lowest tier of a case.

        Raises:
            UnknownCaseError: If there is no such case. `set_for_case` raises it too.
        """
        with self._database.write() as connection:
            case = find_case(connection, number, organisation_id)
            self._record(connection, actor, "case.read", number)
            return Tier(lowest_tiers.of_case(connection, case.id) or Tier.POSSIBLE)

    def set_for_case(
        self, number: str, lowest: Tier, *, actor: KeyId, organisation_id: OrganisationId
    ) -> None:
        """
        Set the lowest tier of a case.

        If this admits more matches than before, the case's contents are compared with the kept
        candidates again.
        """
        with self._database.write() as connection:
            case = find_case(connection, number, organisation_id)
            before = Tier(lowest_tiers.of_case(connection, case.id) or Tier.POSSIBLE)
            lowest_tiers.set_for_case(connection, case.id, _stored(lowest))
            if _is_below(lowest, before):
                waiting = set(pending.pending_of(connection, case.id))
                contents = cases.contents_of(connection, case.id)
                unmatched.add(connection, [each.id for each in contents if each.id not in waiting])
            self._record(connection, actor, "case.set-lowest-tier", number)

    def hosts(self, organisation_id: OrganisationId) -> Sequence[HostRule]:
        """Return the lowest tiers that an organisation has set for hosts."""
        with self._database.read() as connection:
            return lowest_tiers.of_hosts(connection, organisation_id)

    def set_for_host(
        self, host: str, lowest: Tier, *, actor: KeyId, organisation_id: OrganisationId
    ) -> None:
        """Set the lowest tier of a host and its subdomains, for future matches."""
        with self._database.write() as connection:
            lowest_tiers.set_for_host(connection, organisation_id, host, _stored(lowest))
            self._record(connection, actor, "host.set-lowest-tier", str(lowest))

    def _record(self, connection: Connection, actor: KeyId, action: str, subject: str) -> None:
        audit.record(connection, actor=actor, action=action, subject=subject, now=self._clock())


def _stored(lowest: Tier) -> str | None:
    return None if lowest is _TIERS[-1] else str(lowest)


def _is_below(tier: Tier, lowest: Tier) -> bool:
    return _TIERS.index(tier) > _TIERS.index(lowest)


def _lowest(connection: Connection, content_id: ContentId, seen: Sighted) -> Tier:
    of_case, of_hosts = lowest_tiers.of_content(connection, content_id)
    rules = [of_case] if of_case else []
    if of_hosts:
        hosts = [urlsplit(each).hostname or "" for each in (seen.page_url, seen.image_url)]
        rules += [each.lowest_tier for each in of_hosts if _covers(each.host, hosts)]
    return min((Tier(each) for each in rules), key=_TIERS.index, default=_TIERS[-1])


def _covers(host: str, seen: Iterable[str]) -> bool:
    return any(each == host or each.endswith(f".{host}") for each in seen)

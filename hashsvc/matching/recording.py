"""Which suspected re-uploads are reported: no dismissed image, no lower tier than is wanted."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.bank import find_case
from hashsvc.clock import Clock, utc_now
from hashsvc.matching.bank_index import Found
from hashsvc.matching.evidence import Tier
from hashsvc.matching.quarantine import notice
from hashsvc.matching.suppressing import is_suppressed
from hashsvc.store import Database, cases, lowest_tiers, matches, pending, unmatched
from hashsvc.store.candidates import Sighted
from hashsvc.store.ids import ContentId, KeyId, MatchId, OrganisationId, ScanId, random_id
from hashsvc.store.lowest_tiers import HostRule

# The surest first.
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
    Store a suspected re-upload, and return its id; None when it is not to be reported.

    Of one that was reported before, by content and image URL, that id is returned.
    """
    if not cases.has_content(connection, found.content_id):
        return None  # Withdrawn since.
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
    notice(connection, found.content_id, flood_matches=flood_matches, now=now)
    return match_id


class LowestTiers:
    """The lowest tiers that are reported, by case and by host; of two the stricter counts."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def of_case(self, number: str, *, actor: KeyId, organisation_id: OrganisationId) -> Tier:
        """
        Return the lowest tier that is reported for a case.

        Raises:
            UnknownCaseError: If there is none with this number; so below.
        """
        with self._database.write() as connection:
            case = find_case(connection, number, organisation_id)
            self._record(connection, actor, "case.read", number)
            return Tier(lowest_tiers.of_case(connection, case.id) or Tier.POSSIBLE)

    def set_for_case(
        self, number: str, lowest: Tier, *, actor: KeyId, organisation_id: OrganisationId
    ) -> None:
        """
        Have nothing below a tier reported for a case.

        When more is wanted than before, its contents are compared with the kept candidates again.
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
        """Return the rules of an organisation."""
        with self._database.read() as connection:
            return lowest_tiers.of_hosts(connection, organisation_id)

    def set_for_host(
        self, host: str, lowest: Tier, *, actor: KeyId, organisation_id: OrganisationId
    ) -> None:
        """Have nothing below a tier reported of a host, and of those below it, from now on."""
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

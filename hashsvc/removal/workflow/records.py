"""Makes evidence bundles for courts, and statistics for regulators and the public."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from hashsvc.audit import LogSigner, stamp_by
from hashsvc.bank import find_case
from hashsvc.removal.evidence.bundle import Documents, entries_of, write_bundle
from hashsvc.removal.evidence.stamping import post_to
from hashsvc.removal.history import RequestView, views_of
from hashsvc.removal.statistics.compute import Review, Statistics, statistics
from hashsvc.removal.workflow.context import RemovalContext
from hashsvc.store import matches, notices, requests
from hashsvc.store.ids import OrganisationId, RequestId
from hashsvc.store.requests import Request


class Records:
    """
    Evidence bundles and statistics of removal requests.

    Args:
        log_signer: Signs the audit log and the bundles.
    """

    def __init__(self, context: RemovalContext, log_signer: LogSigner) -> None:
        self._context = context
        self._log_signer = log_signer
        url = context.settings.evidence_tsa_url
        # This reports a missing package when the service starts, not when a court needs a bundle.
        self._stamp: Callable[[bytes], bytes] | None = stamp_by(post_to(url)) if url else None

    def of_request(
        self,
        request_id: RequestId,
        *,
        actor: str,
        organisation_id: OrganisationId | None = None,
    ) -> bytes:
        """
        Return the evidence bundle of a request and of all requests linked with it.

        Args:
            organisation_id: The organisation that must own the request; None for any.

        Raises:
            UnknownRequestError: If there is no such request.

            AuditError: If the audit log differs from what was signed.
        """
        context = self._context
        with context.database.write() as connection:
            view = context.view(connection, request_id, organisation_id)
            views = [view, *self._kin(connection, view)]
            context.record(connection, actor, "evidence.request", request_id, context.clock())
            documents = _documents(connection, views)
            case = _case_of(connection, view)
        return self._bundle(views, documents, never=case)

    def of_case(
        self, number: str, *, actor: str, organisation_id: OrganisationId | None = None
    ) -> bytes:
        """
        Return the evidence bundle of all requests of a case.

        Raises:
            UnknownCaseError: If there is no such case.

            AuditError: If the audit log differs from what was signed.
        """
        context = self._context
        with context.database.write() as connection:
            case = find_case(connection, number, organisation_id)
            found = requests.search(connection, state=None, limit=None, case_id=case.id)
            views = views_of(connection, found[::-1])
            context.record(connection, actor, "evidence.case", number, context.clock())
            documents = _documents(connection, views)
        return self._bundle(views, documents, never=number)

    def statistics(
        self,
        *,
        since: datetime,
        until: datetime,
        actor: str,
        organisation_id: OrganisationId | None = None,
    ) -> Statistics:
        """Return the figures for all requests first sent at or after `since` and before `until`."""
        context, now = self._context, self._context.clock()
        with context.database.write() as connection:
            found = requests.search(
                connection, state=None, limit=None, organisation_id=organisation_id
            )
            views = views_of(connection, found)
            reviewed = matches.reviewed(
                connection, since=since, until=until, organisation_id=organisation_id
            )
            context.record(connection, actor, "statistics.read", str(len(views)), now)
        return statistics(
            views,
            since=since,
            until=until,
            now=now,
            law=context.letters.law,
            timely_hours=context.settings.answer_within_h,
            reviews=[
                Review(each.tier, each.state == "confirmed", each.match_id, each.audit_seq)
                for each in reviewed
            ],
        )

    def _bundle(
        self, views: Sequence[RequestView], documents: Documents, *, never: str | None
    ) -> bytes:
        excerpt = self._log_signer.prove(entries_of(views))
        return write_bundle(
            views,
            documents,
            excerpt,
            self._log_signer.key(),
            now=self._context.clock(),
            stamp=self._stamp,
            never=() if never is None else (never, never.replace("-", "")),
        )

    def _kin(self, connection: Connection, view: RequestView) -> list[RequestView]:
        """Return the requests that this one continues, and then those that continue it."""
        before: list[Request] = []
        after: list[Request] = []
        parent = view.request.parent_id
        while parent is not None:
            above = self._context.view(connection, parent)
            before.insert(0, above.request)
            parent = above.request.parent_id
        level = [view.request]
        while level:
            level = [child for each in level for child in requests.children_of(connection, each.id)]
            after += level
        return views_of(connection, [*before, *after])


def _documents(connection: Connection, views: Sequence[RequestView]) -> Documents:
    """Return every document of every notice, as it was sent."""
    named = sorted({each.id for view in views for each in view.notices})
    return {
        notice: {
            form: document
            for form in notices.formats(connection, notice)
            if (document := notices.document(connection, notice, form)) is not None
        }
        for notice in named
    }


def _case_of(connection: Connection, view: RequestView) -> str | None:
    if view.request.match_id is None:
        return None
    return matches.by_id(connection, view.request.match_id).case

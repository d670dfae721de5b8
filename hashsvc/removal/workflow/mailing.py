"""Mails each notice once, even if several processes try at the same time or one of them dies."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from hashsvc.removal.errors import (
    NotPossibleError,
    SendingError,
    UnknownRequestError,
    UnsureSendingError,
)
from hashsvc.removal.history import RequestView, views_of
from hashsvc.removal.notices.fields import Explanation
from hashsvc.removal.states import State
from hashsvc.removal.workflow.context import RemovalContext
from hashsvc.removal.workflow.letters import named_in
from hashsvc.removal.workflow.moves import check_sending, record_step
from hashsvc.removal.workflow.sending import Mail, describe, send
from hashsvc.store import mailings, notices, requests
from hashsvc.store.ids import OrganisationId, RequestId
from hashsvc.store.mailings import Mailing
from hashsvc.store.requests import Step

# This must be longer than `send` can take.
UNSURE_AFTER = timedelta(minutes=10)

_log = structlog.get_logger()


class Mailer:
    """
    Hands notices to the mail server, and records what a person found out about an unsure mail.

    Before it contacts the mail server, the mailer stores a row that says who mails the notice and
    since when. It deletes the row in the transaction that records the outcome. If the process dies
    in between, or if the server does not say whether it took the mail, the row stays until a person
    has found out whether the notice was sent.
    """

    def __init__(self, context: RemovalContext) -> None:
        self._context = context

    def mail(
        self,
        request_id: RequestId,
        *,
        actor: str,
        organisation_id: OrganisationId | None = None,
    ) -> Mail:
        """
        Mail the notice that asks for removal, and move its requests to `sent`.

        The audit log has the attempt (`request.mail`), and after it the outcome: `request.sent`,
        `request.mail-failed` if the mail was not sent, or `request.mail-unsure` if nobody knows. An
        attempt without an outcome was interrupted: after `UNSURE_AFTER`, the mail counts as unsure.
        A mail that was not sent leaves the requests as they were.

        Raises:
            UnknownRequestError: If there is no such request.

            NotPossibleError: If no mail server is set, the request is not approved, or the notice
                has no address or is being mailed.

            NoConsentError: If the person shown no longer agrees.

            SendingError: If the mail server cannot be reached or does not take the mail.

            UnsureSendingError: If the mail server does not say whether it took the mail.
        """
        url = self._context.settings.smtp_url
        if url is None:
            raise NotPossibleError(
                "No mail server is set (HASHSVC_SMTP_URL): send the notice by hand."
            )
        mailing, content = self._begin(request_id, actor, organisation_id)
        try:
            send(content, url)
        except UnsureSendingError:
            self._record_unsure(mailing)
            raise
        except SendingError:
            self._record_failure(mailing)
            raise
        self._record_sent(mailing)
        return describe(content)

    def settle(
        self,
        request_id: RequestId,
        *,
        was_sent: bool,
        reason: str,
        actor: str,
        organisation_id: OrganisationId | None = None,
    ) -> RequestView:
        """
        Record what a person found out about a mail with an unknown outcome.

        If the notice was sent, the time of sending is the time when its mailing began. If it was
        not sent, it may be mailed again.

        Args:
            reason: How the person knows, for the record.

        Raises:
            UnknownRequestError: If there is no such request.

            NotPossibleError: If the request has no such mail, or a process may still be sending it.

            BadNoticeError: If the reason is too long, or contains what no notice may contain.
        """
        Explanation(reason)
        context, now = self._context, self._context.clock()
        with context.database.write() as connection:
            view = context.view(connection, request_id, organisation_id)
            mailing = view.mailing
            if mailing is None:
                raise NotPossibleError("This request has no mail with an unknown outcome.")
            if now < mailing.unsure_from:
                raise NotPossibleError(
                    "A process may still be mailing the notice. Settle the mail at "
                    f"{mailing.unsure_from:%H:%M} UTC or later."
                )
            mailings.end(connection, mailing)
            action = "request.mail-was-sent" if was_sent else "request.mail-was-not-sent"
            seq = context.record(connection, actor, action, mailing.request_id, now)
            if was_sent:
                self._move_to_sent(connection, mailing, actor, mailing.begun_at, reason=reason)
            else:
                for each in self._return_unsent(connection, mailing):
                    step = Step(now, actor, each.request.state, reason=reason, audit_seq=seq)
                    requests.add_event(connection, each.request.id, step)
            try:
                return context.view(connection, request_id)
            except UnknownRequestError:
                return view  # The request was just deleted: its case was withdrawn.

    def _begin(
        self, request_id: RequestId, actor: str, organisation_id: OrganisationId | None
    ) -> tuple[Mailing, bytes]:
        """Store who mails a request's notice and since when; return that record and the mail."""
        context, now = self._context, self._context.clock()
        with context.database.write() as connection:
            view = context.view(connection, request_id, organisation_id)
            check_sending(context, connection, view)
            notice = view.notice_of(None)
            content = notices.document(connection, notice.id, "eml")
            if content is None:
                raise NotPossibleError("The notice has no format 'eml': no address is known.")
            mailing = Mailing(notice.id, request_id, actor, now, now + UNSURE_AFTER)
            if not mailings.begin(connection, mailing):
                raise NotPossibleError("The notice is being mailed for another request.")
            context.record(connection, actor, "request.mail", request_id, now)
        return mailing, content

    def _record_sent(self, mailing: Mailing) -> None:
        context, now = self._context, self._context.clock()
        with context.database.write() as connection:
            if not mailings.end(connection, mailing):
                # Somebody settled the mail too early: the computer's clock jumped, or this process
                # was suspended.
                _log.error("removal.mail_sent_after_it_was_settled")
            self._move_to_sent(connection, mailing, mailing.begun_by, now)

    def _record_failure(self, mailing: Mailing) -> None:
        context, now = self._context, self._context.clock()
        with context.database.write() as connection:
            mailings.end(connection, mailing)
            actor, subject = mailing.begun_by, mailing.request_id
            context.record(connection, actor, "request.mail-failed", subject, now)
            self._return_unsent(connection, mailing)

    def _record_unsure(self, mailing: Mailing) -> None:
        context, now = self._context, self._context.clock()
        with context.database.write() as connection:
            mailings.set_unsure(connection, mailing, now)
            actor, subject = mailing.begun_by, mailing.request_id
            context.record(connection, actor, "request.mail-unsure", subject, now)

    def _move_to_sent(
        self,
        connection: Connection,
        mailing: Mailing,
        actor: str,
        at: datetime,
        *,
        reason: str | None = None,
    ) -> None:
        for each in _mailed_for(connection, mailing):
            # A request whose mail was settled as sent has nothing more to record.
            if each.request.state != State.SENT:
                record_step(
                    self._context, connection, each, State.SENT, actor=actor, at=at, reason=reason
                )

    def _return_unsent(self, connection: Connection, mailing: Mailing) -> list[RequestView]:
        """Delete requests of a withdrawn case that were never sent, and return the others."""
        left = []
        for each in _mailed_for(connection, mailing):
            if each.request.state == State.WITHDRAWN and each.sent is None:
                requests.delete_unsent(connection, each.request.id)
            else:
                left.append(each)
        notices.delete_empty(connection)
        return left


def _mailed_for(connection: Connection, mailing: Mailing) -> list[RequestView]:
    """
    Return the requests for which a notice is mailed.

    These are all requests on the notice that were approved and never sent, even if their case has
    been withdrawn since. The request for which the mailing began is always among them, even if it
    was sent before.
    """
    views = views_of(connection, named_in(connection, mailing.notice_id))
    return [
        each
        for each in views
        if each.request.id == mailing.request_id
        or (each.sent is None and each.first(State.APPROVED) is not None)
    ]

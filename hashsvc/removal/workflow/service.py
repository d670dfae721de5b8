"""The service for removal requests, from the confirmed match to the platform's answer."""

from datetime import datetime

from sqlalchemy import Connection

from hashsvc.clock import Clock, utc_now
from hashsvc.removal.errors import NotPossibleError
from hashsvc.removal.history import RequestView, views_of
from hashsvc.removal.law.legal import Language
from hashsvc.removal.notices.fields import Explanation
from hashsvc.removal.notices.formats import FORMATS
from hashsvc.removal.platforms.entries import Basis
from hashsvc.removal.platforms.registry import find, name_of
from hashsvc.removal.states import State
from hashsvc.removal.workflow.contacts import Contacts
from hashsvc.removal.workflow.context import RemovalContext
from hashsvc.removal.workflow.letters import documents_of, named_in
from hashsvc.removal.workflow.mailing import Mailer
from hashsvc.removal.workflow.moves import move_request
from hashsvc.removal.workflow.raising import Wanted, actors_of, raise_request
from hashsvc.removal.workflow.recheck_loop import Rechecks
from hashsvc.removal.workflow.remedies import Remedies
from hashsvc.removal.workflow.sending import Mail, describe
from hashsvc.scanning import Fetcher, Looker
from hashsvc.settings import Settings
from hashsvc.store import Database, cases, matches, notices, requests
from hashsvc.store.ids import KeyId, MatchId, NoticeId, OrganisationId, RequestId
from hashsvc.store.notices import Notice
from hashsvc.store.requests import Request


class Removal:
    """
    Raises, shows, moves and mails removal requests.

    Args:
        fetcher: Asks RDAP about hosts without an entry in the registry. If None, RDAP is not asked.

    Attributes:
        contacts: Finds the contacts of platforms.

        rechecks: Checks whether images are still there.

        remedies: Takes the next steps if a platform does not remove an image.

        mailer: Hands notices to the mail server.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        looker: Looker,
        clock: Clock = utc_now,
        *,
        fetcher: Fetcher | None = None,
    ) -> None:
        self.context = RemovalContext.build(settings, database, clock)
        self.contacts = Contacts(self.context, fetcher)
        self.rechecks = Rechecks(self.context, looker)
        self.remedies = Remedies(self.context)
        self.mailer = Mailer(self.context)

    def raise_for(
        self,
        match_id: MatchId,
        *,
        actor: KeyId,
        organisation_id: OrganisationId | None = None,
        language: Language | None = None,
        platform: str | None = None,
        basis: Basis | None = None,
    ) -> RequestView:
        """
        Return the open removal request for a confirmed match. If there is none, raise a new one.

        Args:
            organisation_id: The organisation that must own the match. In every method, None stands
                for any organisation.

            language: The language of a new notice; None for the channel's language.

            platform: The actor to ask, by an entry's id or a host; None for the page's site.

            basis: The legal basis of the notice; None for the first basis that the platform has a
                channel for.

        Raises:
            UnknownRowError: If there is no such match.

            NotConfirmedError: If the match was not confirmed.

            NoConsentError: If the person shown has not agreed that platforms may be asked.
        """
        wanted = Wanted(language=language, platform=platform, basis=basis)
        if self.contacts.asks:
            self._ask_for_contact(match_id, platform, actor, organisation_id)
        with self.context.database.write() as connection:
            return raise_request(
                self.context,
                connection,
                match_id,
                wanted,
                actor=actor,
                organisation_id=organisation_id,
            )

    def _ask_for_contact(
        self,
        match_id: MatchId,
        platform: str | None,
        actor: KeyId,
        organisation_id: OrganisationId | None,
    ) -> None:
        """Ask RDAP for the contact of a platform without an entry, outside any transaction."""
        with self.context.database.read() as connection:
            match = matches.by_id(connection, match_id, organisation_id)
            registry = self.context.platforms.registry(connection)
            entry = find(registry, platform or name_of(registry, match.page_url))
        if entry.draft:
            self.contacts.of(entry.name, actor=actor)

    def actors(
        self, match_id: MatchId, *, actor: KeyId, organisation_id: OrganisationId | None = None
    ) -> list[str]:
        """
        Return the actors that can remove a match's image, in the order in which they are asked.

        Raises:
            UnknownRowError: If there is no such match.
        """
        context = self.context
        with context.database.write() as connection:
            match = matches.by_id(connection, match_id, organisation_id)
            context.record(connection, actor, "match.read", match_id, context.clock())
            return actors_of(context.platforms.registry(connection), match)

    def view(
        self, request_id: RequestId, *, actor: KeyId, organisation_id: OrganisationId | None = None
    ) -> RequestView:
        """
        Return one request.

        Raises:
            UnknownRequestError: If there is no such request.
        """
        context = self.context
        with context.database.write() as connection:
            view = context.view(connection, request_id, organisation_id)
            context.record(connection, actor, "request.read", request_id, context.clock())
            return view

    def search(
        self,
        *,
        state: State | None,
        limit: int,
        organisation_id: OrganisationId | None = None,
        platform: str | None = None,
        unsure: bool = False,
    ) -> list[Request]:
        """
        Return requests, newest first.

        Args:
            state, platform: Return only requests in this state, or to this platform; None for all.

            unsure: Whether to return only requests with a mail that may or may not have been sent.
        """
        with self.context.database.read() as connection:
            return requests.search(
                connection,
                state=state,
                limit=limit,
                organisation_id=organisation_id,
                platform=platform,
                unsure_at=self.context.clock() if unsure else None,
            )

    def views(
        self, organisation_id: OrganisationId | None = None, *, case: str | None = None
    ) -> list[RequestView]:
        """Return all requests, or those of one case, newest first."""
        with self.context.database.read() as connection:
            case_id = None if case is None else cases.case_by_number(connection, case).id
            found = requests.search(
                connection,
                state=None,
                limit=None,
                organisation_id=organisation_id,
                case_id=case_id,
            )
            return views_of(connection, found)

    def move(
        self,
        request_id: RequestId,
        to: State,
        *,
        actor: KeyId,
        organisation_id: OrganisationId | None = None,
        at: datetime | None = None,
        reason: str | None = None,
    ) -> RequestView:
        """
        Move a request to another state, by an analyst's decision, and return the request.

        The states approved, sent and receipted apply to a whole notice, so all requests on it move.

        Args:
            at: When the step happened, if that was before now.

            reason: The reason that the platform gave, or the analyst's words.

        Raises:
            UnknownRequestError: If there is no such request.

            NotPossibleError: If the request's state does not lead to the new one, if the notice is
                being mailed, or if the time is not between the request's last step and now.

            NoConsentError: If the person shown has not agreed to the step.

            BadNoticeError: If the reason is too long, or contains what no notice may contain.
        """
        if reason is not None:
            Explanation(reason)
        with self.context.database.write() as connection:
            view = self.context.view(connection, request_id, organisation_id)
            if to is State.ORDER_SOUGHT:
                raise NotPossibleError("To move to order-sought, write the annex to the order.")
            move_request(self.context, connection, view, to, actor=actor, at=at, reason=reason)
            return self.context.view(connection, request_id)

    def document(
        self,
        request_id: RequestId,
        form: str = "text",
        *,
        notice_id: NoticeId | None = None,
        actor: KeyId,
        organisation_id: OrganisationId | None = None,
    ) -> bytes:
        """
        Return a notice of a request in one of FORMATS; a draft is shown as it would be sent now.

        Args:
            notice_id: One of the request's notices; None for the one that asks for removal.

        Raises:
            UnknownRequestError: If there is no such request, or it has no such notice.

            NotPossibleError: If the notice has no such format; a mail, for example, needs an
                address.
        """
        context = self.context
        with context.database.write() as connection:
            view = context.view(connection, request_id, organisation_id)
            chosen = view.notice_of(notice_id)
            action = "order.read" if chosen.kind == "order" else "request.read"
            context.record(connection, actor, action, request_id, context.clock())
            if chosen.fixed is None and form in FORMATS:
                found = self._as_draft(connection, chosen).get(form)
            else:
                found = notices.document(connection, chosen.id, form)
        if found is None:
            raise NotPossibleError(f"The notice has no format {form!r:.20}.")
        return found

    def text_of(self, view: RequestView) -> str:
        """Return the text of the notice that asks for removal, as it was or would be sent."""
        if view.notice is None:
            return ""
        with self.context.database.read() as connection:
            if view.notice.fixed is None:
                found = self._as_draft(connection, view.notice).get("text")
            else:
                found = notices.document(connection, view.notice.id, "text")
        return (found or b"").decode()

    def mail(
        self,
        request_id: RequestId,
        *,
        dry_run: bool,
        actor: KeyId,
        organisation_id: OrganisationId | None = None,
    ) -> Mail:
        """
        Mail the notice that asks for removal, as `Mailer.mail` does, or only show the mail.

        Args:
            dry_run: Whether to send nothing and only return what would be sent.

        Raises:
            UnknownRequestError: If there is no such request.

            NotPossibleError: If the notice has no address.

            RemovalError: Any error of `Mailer.mail`, unless `dry_run` is set.
        """
        if not dry_run:
            return self.mailer.mail(request_id, actor=actor, organisation_id=organisation_id)
        content = self.document(request_id, "eml", actor=actor, organisation_id=organisation_id)
        return describe(content)

    def _as_draft(self, connection: Connection, notice: Notice) -> dict[str, bytes]:
        context, now = self.context, self.context.clock()
        named = [each for each in named_in(connection, notice.id) if each.state == State.DRAFT]
        if not named:
            return {}  # All its requests were withdrawn: nothing would be sent.
        recipient = context.recipient(connection, notice)
        facts = context.letters.facts(notice, named, recipient, now=now)
        return documents_of(context.letters.compose(facts), notice, now)

"""Steps after a refusal or silence: complaint, referral, order, request to the next actor."""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from hashsvc.bank import ConsentKind
from hashsvc.matching import signature_of
from hashsvc.removal.days import day_of
from hashsvc.removal.errors import NotPossibleError
from hashsvc.removal.history import RequestView, views_of
from hashsvc.removal.law.legal import Language
from hashsvc.removal.notices.facts import MOST_LOCATIONS, Decision, Earlier, NoticeKind
from hashsvc.removal.notices.fields import Explanation, Host, OneLine
from hashsvc.removal.notices.order import (
    OrderAnnex,
    OrderFacts,
    OrderStep,
    TimelineEntry,
    write_order_annex,
)
from hashsvc.removal.states import MOVES, State
from hashsvc.removal.workflow.context import RemovalContext
from hashsvc.removal.workflow.letters import documents_of
from hashsvc.removal.workflow.moves import check_move, match_of, move_request
from hashsvc.removal.workflow.raising import Wanted, actors_of, raise_request
from hashsvc.signals import PDQ, View
from hashsvc.store import notices, requests
from hashsvc.store.ids import NoticeId, OrganisationId, RequestId, random_id
from hashsvc.store.notices import Notice

ORDER = "order"
"""The kind of a notice that is the annex to an order."""

_DECISIONS = {
    State.REFUSED: Decision.REFUSED,
    State.PARTIAL: Decision.PARTIAL,
    State.IDENTITY_ASKED: Decision.IDENTITY_ASKED,
}


class Remedies:
    """Writes complaints, referrals and annexes to orders, and drafts requests to other actors."""

    def __init__(self, context: RemovalContext) -> None:
        self._context = context

    def complain(
        self,
        request_id: RequestId,
        *,
        actor: str,
        organisation_id: OrganisationId | None = None,
        language: Language | None = None,
        explanation: str | None = None,
    ) -> RequestView:
        """
        Write the internal complaint about a decision, and move the request to `complained`.

        Raises:
            UnknownRequestError: If there is no such request.

            NotPossibleError: If there is no decision to complain about.

            NoConsentError: If the person shown no longer agrees that platforms may be asked.

            BadNoticeError: If a notice must not contain the explanation.
        """
        return self._write(
            request_id,
            NoticeKind.COMPLAINT,
            State.COMPLAINED,
            actor=actor,
            organisation_id=organisation_id,
            language=language,
            explanation=explanation,
        )

    def refer(
        self,
        request_id: RequestId,
        *,
        actor: str,
        organisation_id: OrganisationId | None = None,
        language: Language | None = None,
        explanation: str | None = None,
    ) -> RequestView:
        """
        Write the referral to the Digital Services Coordinator. Move the request to `escalated`.

        Raises:
            UnknownRequestError: If there is no such request.

            NotPossibleError: If the request's state does not lead to `escalated`, or the platform
                says that it removed the image.

            NoConsentError: If the person shown no longer agrees that platforms may be asked.

            BadNoticeError: If a notice must not contain the explanation.
        """
        return self._write(
            request_id,
            NoticeKind.COORDINATOR,
            State.ESCALATED,
            actor=actor,
            organisation_id=organisation_id,
            language=language,
            explanation=explanation,
        )

    def ask_next(
        self,
        request_id: RequestId,
        *,
        actor: str,
        organisation_id: OrganisationId | None = None,
        platform: str | None = None,
    ) -> RequestView:
        """
        Draft a request to the next actor that can take the image down, and return the draft.

        The draft continues this request, which moves to `escalated` if its state allows that.

        Args:
            platform: An entry's id or a host; None for the next actor that was not asked so far.

        Raises:
            UnknownRequestError: If there is no such request.

            NotPossibleError: If the request was not sent, if every actor was asked, or if the actor
                is the one that this request is addressed to.

            NoConsentError: If the person shown has not agreed that platforms may be asked.
        """
        context = self._context
        with context.database.write() as connection:
            view = context.view(connection, request_id, organisation_id)
            if view.sent is None:
                raise NotPossibleError("Send this request before you ask another actor.")
            match = match_of(connection, view)
            chosen = platform or self._next(connection, view)
            wanted = Wanted(platform=chosen, parent=(request_id, "escalated"))
            child = raise_request(context, connection, match.id, wanted, actor=actor)
            if child.request.platform == view.request.platform:
                raise NotPossibleError("This request already asks that actor: name another.")
            if State.ESCALATED in MOVES.get(State(view.request.state), frozenset()):
                move_request(context, connection, view, State.ESCALATED, actor=actor)
            return child

    def seek_order(
        self,
        request_id: RequestId,
        *,
        actor: str,
        organisation_id: OrganisationId | None = None,
        language: Language | None = None,
        explanation: str | None = None,
        known: Mapping[str, str] | None = None,
    ) -> RequestView:
        """
        Write the annex to an order about all of a case's images at a platform.

        Every open request of the case to the platform moves to `order-sought`. The annex is for the
        court only, because it has the `pdq1` signals of the contents.

        Args:
            known: Text for elements that the court would otherwise fill in, by the element's id.

        Raises:
            UnknownRequestError: If there is no such request.

            NotPossibleError: If the request's state does not lead to `order-sought`.

            NoConsentError: If the person shown has not agreed to go to court.
        """
        context = self._context
        with context.database.write() as connection:
            view = context.view(connection, request_id, organisation_id)
            check_move(view, State.ORDER_SOUGHT)
            match = match_of(connection, view)
            context.check_consent(connection, match.case, ConsentKind.LITIGATE)
            group = self._of_order(connection, view)
            notice = self._new(view, ORDER, language)
            notices.add(connection, notice, [each.request.id for each in group])
            annex = self._annex(connection, notice, group, explanation, known or {})
            self._fix_annex(connection, notice, annex)
            context.record(connection, actor, "order.annex", notice.id, context.clock())
            for each in group:
                move_request(
                    context, connection, each, State.ORDER_SOUGHT, actor=actor, notice_id=notice.id
                )
            return context.view(connection, request_id)

    def _next(self, connection: Connection, view: RequestView) -> str:
        match = match_of(connection, view)
        asked = {each.platform for each in requests.by_match(connection, match.id)}
        actors = actors_of(self._context.platforms.registry(connection), match)
        following = next((each for each in actors if each not in asked), None)
        if following is None:
            raise NotPossibleError("Every known actor was asked: name another platform.")
        return following

    def _write(
        self,
        request_id: RequestId,
        kind: NoticeKind,
        to: State,
        *,
        actor: str,
        organisation_id: OrganisationId | None,
        language: Language | None,
        explanation: str | None,
    ) -> RequestView:
        context, now = self._context, self._context.clock()
        with context.database.write() as connection:
            view = context.view(connection, request_id, organisation_id)
            check_move(view, to)
            match = match_of(connection, view)
            context.check_consent(connection, match.case, ConsentKind.NOTIFY)
            notice = self._new(view, kind, language)
            provider = context.recipient(connection, notice)
            recipient: OneLine | Host = provider
            if kind is NoticeKind.COORDINATOR:
                recipient = context.letters.coordinator
                notice = replace(notice, channel=None, address=None)
            facts = context.letters.facts(
                notice,
                [view.request],
                recipient,
                now=now,
                explanation=explanation,
                earlier=_earlier(view, provider),
            )
            written = context.letters.compose(facts)
            notices.add(connection, notice, [request_id])
            documents = documents_of(written, notice, now)
            context.letters.fix(connection, notice, written, documents)
            move_request(context, connection, view, to, actor=actor, notice_id=notice.id)
            return context.view(connection, request_id)

    def _new(self, view: RequestView, kind: str, language: Language | None) -> Notice:
        first = view.notice
        if first is None:
            raise NotPossibleError("The request has no notice that a new one could follow.")
        return replace(
            first,
            id=NoticeId(random_id()),
            kind=kind,
            language=language or first.language,
            created_at=self._context.clock(),
            fixed=None,
        )

    def _of_order(self, connection: Connection, view: RequestView) -> list[RequestView]:
        """
        Return the requests that an order covers.

        These are the requests of the case to the platform whose state leads to `order-sought`, this
        one first. If there are more than an annex may name, the rest needs another annex.
        """
        case_id = view.notices[0].case_id
        found = requests.search(
            connection,
            state=None,
            limit=None,
            platform=view.request.platform,
            case_id=case_id,
        )
        others = [
            each
            for each in views_of(connection, found)
            if State.ORDER_SOUGHT in MOVES.get(State(each.request.state), frozenset())
            and each.request.id != view.request.id
        ]
        return [view, *others[: MOST_LOCATIONS - 1]]

    def _annex(
        self,
        connection: Connection,
        notice: Notice,
        group: list[RequestView],
        explanation: str | None,
        known: Mapping[str, str],
    ) -> OrderAnnex:
        context = self._context
        as_notice = replace(notice, kind=NoticeKind.DSA_NOTICE)
        named = [each.request for each in group]
        facts = context.letters.facts(
            as_notice,
            named,
            context.recipient(connection, notice),
            now=context.clock(),
            explanation=explanation,
        )
        contents = {match_of(connection, each).content_id for each in group}
        signals = {
            viewed.signal
            for each in sorted(contents)
            for viewed in signature_of(connection, each).signals
            if viewed.signal.algorithm == PDQ.name and viewed.view is View.WHOLE
        }
        order = OrderFacts(
            facts=facts,
            signals=tuple(sorted(signals, key=str)),
            timeline=tuple(step for each in group for step in _timeline(each)),
            known={name: OneLine(words) for name, words in known.items()},
        )
        return write_order_annex(
            order, context.letters.law, own_templates=context.settings.template_dir
        )

    def _fix_annex(self, connection: Connection, notice: Notice, annex: OrderAnnex) -> None:
        documents = {
            "text": annex.text.encode(),
            "html": annex.html.encode(),
            "pdf": annex.pdf,
            "json": annex.json.encode(),
        }
        context = self._context
        context.letters.fix(connection, notice, annex, documents)


def _earlier(view: RequestView, provider: OneLine | Host) -> Earlier:
    """Return the notice and the answer that a complaint or a referral is about."""
    sent, receipted, decided = view.sent, view.first(State.RECEIPTED), view.decided
    if sent is None:
        raise NotPossibleError("The request was not sent yet.")
    answer = None if decided is None else _DECISIONS.get(State(decided.state))
    is_silent = decided is None
    if answer is None and not is_silent:
        raise NotPossibleError("The platform says that it removed the image: re-check that first.")
    reason = decided.reason if decided else None
    return Earlier(
        sent_on=day_of(sent.at),
        decision=answer or Decision.NO_ANSWER,
        provider=provider,
        receipted_on=day_of(receipted.at) if receipted else None,
        decided_on=day_of(decided.at) if decided else None,
        reason=Explanation(reason) if reason else None,
    )


def _timeline(view: RequestView) -> list[TimelineEntry]:
    """Return the steps so far, leaving out states and outcomes that an annex does not report."""
    words = {each.value for each in OrderStep}
    found = [TimelineEntry(view.request.first_seen or view.request.created_at, OrderStep.FOUND)]
    before: str | None = None
    for each in view.events:
        if each.state != before and each.state in words:
            found.append(TimelineEntry(each.at, OrderStep(each.state)))
        elif each.outcome in words:
            found.append(TimelineEntry(each.at, OrderStep(each.outcome)))
        before = each.state
    return found

"""Simulates the people of an institute, who use a service whose clock moves by the hour."""

import heapq
import itertools
import random
import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Self

import numpy as np
from PIL import Image

from benchmarks.world.internet import Copy, Internet, Shown, as_copy
from benchmarks.world.ledger import Ledger, LedgerEntry, LedgerNotice
from benchmarks.world.platforms import BY_NAME, PLATFORMS, Act, ActKind, Behaviour
from hashsvc.api import Services
from hashsvc.bank import ConsentKind, NewContent
from hashsvc.matching import MatchState
from hashsvc.removal import NotConfirmedError, Outcome, State
from hashsvc.scanning import BatchLine
from hashsvc.settings import Settings
from hashsvc.signals import sign_image
from hashsvc.store.ids import KeyId, PublicContentId, RequestId, ScanId
from hashsvc.store.matches import Match
from tests.helpers.post import PostOffice

BEGIN = datetime(2026, 6, 1, 6, tzinfo=UTC)
ANALYST, INTAKE = KeyId("an analyst's key"), KeyId("the intake's key")
REFUSAL = "It does not go against our rules, case A-20417"
_HOUR = timedelta(hours=1)
_OVER = ("gone", "reappeared", "withdrawn")


class SteppedClock:
    """A clock that stands still until it is moved forward."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True, eq=False)
class Upload:
    """
    A copy of a photo on a platform.

    Attributes:
        dismissed: Whether the analyst will dismiss its match.

        second: Whether it belongs to the second case, which is withdrawn.

        parent: The request after which an earlier copy was removed from the platform.

        found: Whether a scan has found it.
    """

    copy: Copy
    behaviour: Behaviour
    case: str
    dismissed: bool = False
    second: bool = False
    parent: LedgerEntry | None = None
    found: bool = False


class Institute:
    """
    A service, the small internet that it scans, and the ledger of what was done.

    Use it as a context manager.

    Attributes:
        expected_mails: The mails that have to arrive: recipient, and URLs of the images.

        verdicts: Verdicts on matches, True for confirmed.

        late: Number of answers after the image was proven gone; the service cannot record them.

        surprises: Events that differ from the plan.
    """

    def __init__(self, settings: Settings, photo: Callable[[int], Image.Image], seed: int) -> None:
        self.clock = SteppedClock()
        self.ledger = Ledger()
        self.internet = Internet([each.name for each in PLATFORMS])
        self.post = PostOffice()
        changes = {
            "scan_threads": 0,
            "smtp_url": self.post.url,
            "signatory": "Head of the legal service",
            "recheck_every_h": 24.0,
            "recheck_gap_s": 3600.0,
        }
        self.services = Services.build(settings.model_copy(update=changes), self.clock)
        self.expected_mails: list[tuple[str, frozenset[str]]] = []
        self.verdicts: list[bool] = []
        self.late = 0
        self.surprises: list[str] = []
        self._photo = photo
        self._photos: list[Image.Image] = []
        self._rng = random.Random(seed)
        self._pixels = np.random.default_rng(seed)
        self._plans: list[tuple[datetime, int, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._uploads: dict[str, Upload] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.internet)
        self._stack.enter_context(self.post)
        self.services.bank_index.start()
        self.services.scanning.open_sandboxes()
        self._stack.callback(self._close)
        for each in PLATFORMS:
            entry = each.entry(self.internet.hosts[each.name])
            if entry is not None:
                self.services.removal.context.platforms.put(entry, actor=ANALYST)
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def live(self, days: int, *, every_days: int = 30) -> None:
        """Let `days` pass, and open two cases at the beginning of each month."""
        for number, day in enumerate(range(0, days, every_days)):
            hours = 24 * day + self._rng.randrange(1, 6)
            self._plan(hours, 0, partial(self._begin, number))
        for _ in range(days * 24):
            self._hour()

    def _close(self) -> None:
        self.services.scanning.stop()
        self.services.bank_index.stop()
        self.services.database.close()

    def _hour(self) -> None:
        """Let an hour pass: run what is planned, then what is due by the clock."""
        self.clock.now += _HOUR
        while self._plans and self._plans[0][0] <= self.clock.now:
            heapq.heappop(self._plans)[-1]()
        came = False
        while self.services.watches.work_once():
            came = True
        if came:
            self._scan()
        rechecks = self.services.removal.rechecks
        while rechecks.work_once():
            continue
        rechecks.mark_silent()
        self.ledger.pass_hour(self.clock.now)
        self._learn_raised_requests()

    def _plan(self, hours: int, rank: int, action: Callable[[], object]) -> None:
        at = self.clock.now + hours * _HOUR
        heapq.heappush(self._plans, (at, rank, next(self._order), action))

    def _begin(self, month: int) -> None:
        """Open two cases, upload copies of their images, and scan for them."""
        bank, photos = self.services.bank, range(len(self._photos), len(self._photos) + 4)
        self._photos += [self._photo(100 * month + number) for number in range(4)]
        consented = (ConsentKind.NOTIFY, ConsentKind.LITIGATE)
        first = bank.open_case(adult=True, actor=INTAKE, consented=consented).number
        second = bank.open_case(adult=True, actor=INTAKE).number
        bank.add_contents(first, [self._content(each) for each in photos[:3]], actor=INTAKE)
        bank.add_contents(second, [self._content(photos[3])], actor=INTAKE)
        pages = []
        for each in PLATFORMS:
            uploads = [self._upload(each, photos[number], first) for number in each.photos]
            uploads += [
                self._upload(each, photos[number], first, dismissed=True)
                for number in each.dismissed
            ]
            if each.is_withdrawn:
                uploads.append(self._upload(each, photos[3], second, second=True))
            pages += [upload.copy.page_url for upload in uploads]
        fronts = [self.internet.url(each.name, "/new") for each in PLATFORMS if each.is_watched]
        scan = self._submit(fronts)
        self.services.watches.begin(scan, every_h=24, days=60, actor=ANALYST)
        self._submit(pages)
        self._scan()
        missed = {each for each in pages if each in self._pages_not_found()}
        self.surprises += [f"not found: {each}" for each in sorted(missed)]
        self._plan(250, 0, partial(self._withdraw, second))

    def _content(self, photo: int) -> NewContent:
        signature = sign_image(as_copy(self._photos[photo], self._pixels)).whole()
        return NewContent(PublicContentId(secrets.token_hex(16)), signature)

    def _upload(self, behaviour: Behaviour, photo: int, case: str, **more: Any) -> Upload:
        how = more.pop("how", None)
        data = as_copy(self._photos[photo], self._pixels, cropped=how == "cropped")
        copy = self.internet.upload(
            behaviour.name, photo, data, images_on=behaviour.images_on, front=how is not None
        )
        new = Upload(copy, behaviour, case, **more)
        self._uploads[copy.image_url] = new
        return new

    def _pages_not_found(self) -> set[str]:
        return {each.copy.page_url for each in self._uploads.values() if not each.found}

    def _submit(self, urls: Sequence[str]) -> ScanId:
        lines = [BatchLine(number, url) for number, url in enumerate(urls, start=1)]
        return self.services.work_list.submit(lines, actor=ANALYST).scan_id

    def _scan(self) -> None:
        """Finish all scans, and review the matches."""
        while self.services.scanner.work_once():
            continue
        reviews = self.services.reviews
        found = reviews.search(state=MatchState.SUSPECTED, scan_id=None, limit=1000)
        for match in sorted(found, key=lambda each: list(self._uploads).index(each.image_url)):
            self._review(match)

    def _review(self, match: Match) -> None:
        upload = self._uploads[match.image_url]
        if match.case != upload.case or upload.found:
            self.surprises.append("a match with the wrong case, or found twice")
        upload.found = True
        verdict = MatchState.DISMISSED if upload.dismissed else MatchState.CONFIRMED
        self.services.reviews.decide(match.id, verdict, actor=ANALYST)
        self.verdicts.append(not upload.dismissed)
        if upload.dismissed:
            try:
                self.services.removal.raise_for(match.id, actor=ANALYST)
            except NotConfirmedError:
                return
            self.surprises.append("a request for a dismissed match")
            return
        view = self.services.removal.raise_for(match.id, actor=ANALYST)
        link = "reappeared" if upload.parent else None
        entry = self._entry(upload.behaviour, upload, parent=upload.parent, link=link)
        entry.request = view.request.id
        self._begin_entry(entry, wait=upload.second and upload.behaviour.stays_draft)

    def _entry(self, behaviour: Behaviour, upload: Upload, **more: Any) -> LedgerEntry:
        return LedgerEntry(
            upload.case,
            self.platform_of(behaviour),
            behaviour.document,
            behaviour.channel,
            behaviour.basis,
            upload.copy,
            **more,
        )

    def _begin_entry(self, entry: LedgerEntry, *, wait: bool = False) -> None:
        self.ledger.begin(entry, self.clock.now)
        notice = self.ledger.notice_of(entry)
        if notice.entries == [entry] and not wait:
            self._plan(1, 8, partial(self._approve, notice))

    def platform_of(self, behaviour: Behaviour) -> str:
        """Return the service's name for a platform."""
        if behaviour.channel is not None:
            return behaviour.name
        return self.internet.url(behaviour.name, "/").split("/")[2]

    def _approve(self, notice: LedgerNotice) -> None:
        if notice.entries:
            self._move(notice.entries[0], State.APPROVED)
            self.ledger.approve(notice, self.clock.now)
            self._plan(1, 9, partial(self._send, notice))

    def _send(self, notice: LedgerNotice) -> None:
        """Send a notice, and plan the platform's behaviour after it."""
        if not notice.entries:
            return
        behaviour = self._behaviour(notice.platform)
        if behaviour.channel == "email":
            request = RequestId(str(notice.entries[0].request))
            self.services.removal.mail(request, dry_run=False, actor=ANALYST)
            self.expected_mails.append((behaviour.address, notice.images))
        else:
            self._move(notice.entries[0], State.SENT)
        for each in notice.entries:
            self.ledger.record_action(each, "sent", self.clock.now)
        again = any(each.link == "reappeared" for each in notice.entries)
        shift = self._rng.randrange(3)
        for act in behaviour.script_again if again else behaviour.script:
            entries = notice.entries[:]
            chosen = entries if act.only is None else entries[act.only : act.only + 1]
            rank = list(ActKind).index(act.kind)
            for each in chosen:
                self._plan(act.hours + shift, rank, partial(self._act, act, behaviour, each))

    def _behaviour(self, platform: str) -> Behaviour:
        return next(
            each for each in BY_NAME.values() if platform in (each.name, self.platform_of(each))
        )

    def _act(self, act: Act, behaviour: Behaviour, entry: LedgerEntry) -> None:
        """Carry out one act of a script, unless the request has ended."""
        if act.kind is ActKind.SHOWS:
            entry.copy.shown = Shown(act.what)
        elif entry.state == "withdrawn":
            return
        elif act.kind is ActKind.UPLOADS:
            self._upload(behaviour, entry.copy.photo, entry.case, how=act.what, parent=entry)
        elif entry.state in _OVER:
            self.late += 1
        else:
            self._act_on_request(act, behaviour, entry)

    def _act_on_request(self, act: Act, behaviour: Behaviour, entry: LedgerEntry) -> None:
        now, removal = self.clock.now, self.services.removal
        request = RequestId(str(entry.request))
        if act.kind is ActKind.ANSWERS and act.what == "receipted":
            if entry.state != "receipted":
                self._move(entry, State.RECEIPTED)
                for each in self.ledger.notice_of(entry).entries:
                    self.ledger.record_action(each, "receipted", now)
        elif act.kind is ActKind.ANSWERS:
            self._move(entry, State(act.what), REFUSAL if act.what == "refused" else None)
            self.ledger.record_action(entry, act.what, now)
        elif act.kind is ActKind.SEND_AGAIN:
            self._move(entry, State.SENT, "Nobody has to say who they are")
            self.ledger.record_action(entry, "sent", now)
        elif act.kind is ActKind.COMPLAIN:
            removal.remedies.complain(request, actor=ANALYST)
            self.ledger.add_document("complaint", [entry])
            self.ledger.record_action(entry, "complained", now)
        elif act.kind is ActKind.REFER:
            removal.remedies.refer(request, actor=ANALYST)
            self.ledger.add_document("coordinator", [entry])
            self.ledger.record_action(entry, "escalated", now)
        elif act.kind is ActKind.SERVE_ORDER:
            self._move(entry, State.ORDER_SERVED)
            self.ledger.record_action(entry, "order-served", now)
        elif act.kind is ActKind.SEE:
            removal.rechecks.observe(
                request, Outcome(act.what), reason="Looked as a member", actor=ANALYST
            )
            self.ledger.record_check(entry, act.what, now)
        else:
            self._escalate(act, behaviour, entry, request)

    def _escalate(
        self, act: Act, behaviour: Behaviour, entry: LedgerEntry, request: RequestId
    ) -> None:
        now, remedies = self.clock.now, self.services.removal.remedies
        if act.kind is ActKind.SEEK_ORDER:
            if entry.state != "order-sought":
                group = self.ledger.entries_of_order(entry)
                remedies.seek_order(request, actor=ANALYST)
                self.ledger.add_document("order", group)
                for each in group:
                    self.ledger.record_action(each, "order-sought", now)
            return
        view = remedies.ask_next(request, actor=ANALYST)
        upload = self._uploads[entry.copy.image_url]
        asked = {each.platform for each in self.ledger.entries if each.copy is entry.copy}
        later = next(each for each in upload.behaviour.later if each not in asked)
        child = self._entry(BY_NAME[later], upload, parent=entry, link="escalated")
        child.request = view.request.id
        if entry.state != "escalated":
            self.ledger.record_action(entry, "escalated", now)
        self._begin_entry(child)

    def _move(self, entry: LedgerEntry, to: State, reason: str | None = None) -> None:
        request = RequestId(str(entry.request))
        self.services.removal.move(request, to, actor=ANALYST, reason=reason)

    def _withdraw(self, case: str) -> None:
        self.services.bank.withdraw_case(case, actor=INTAKE)
        self.ledger.withdraw(case, self.clock.now)

    def _learn_raised_requests(self) -> None:
        """Find the requests that the service has raised by itself for reappeared images."""
        for entry in [each for each in self.ledger.entries if each.request is None]:
            parent = entry.parent
            assert parent is not None
            drafts = self.services.removal.search(
                state=State.DRAFT, limit=1000, platform=entry.platform
            )
            mine = [each for each in drafts if each.parent_id == parent.request]
            if len(mine) != 1:
                self.surprises.append("no request for a reappeared image")
                self.ledger.entries.remove(entry)
                continue
            entry.request = mine[0].id
            notice = self.ledger.notice_of(entry)
            if notice.entries[0] is entry:
                self._plan(1, 8, partial(self._approve, notice))

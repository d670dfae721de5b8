"""Every reported URL is finished, and every match is recorded once, whatever goes wrong."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from PIL import Image, ImageOps
from structlog.testing import capture_logs

from hashsvc.matching import Found
from hashsvc.scanning import CancelledScanError, Look, UnknownScanError
from hashsvc.signals import Signature
from hashsvc.store import Database
from hashsvc.store.ids import ScanId
from tests.conftest import generated_photo, jpeg
from tests.helpers.audit_entries import audit_entries
from tests.scanning.support import REPORTER, OddSite, OtherLooker, Service, altered, gif, lines

MINE = generated_photo(1)
OTHER = generated_photo(2)


def actions(database: Database) -> list[tuple[str, str]]:
    """Return action and subject of each entry of the audit log."""
    return [(action, subject) for _, action, subject in audit_entries(database)]


# Submitting.


def test_a_batch_is_sorted_into_urls_duplicates_and_invalid_lines(service: Service) -> None:
    texts = [
        "http://a.example/1",
        "HTTP://A.example:80/1#top",
        "sekrit",
        " http://a.example/2?utm_source=x ",
        "",
        "http://a.example/2",
        "http://sekrit@a.example/",
    ]
    submitted = service.work_list.submit(lines(*texts), actor=REPORTER)
    assert (submitted.accepted, submitted.duplicates) == (2, 2)
    assert submitted.invalid == (
        (3, "A URL begins with http:// or https://."),
        (5, "A URL begins with http:// or https://."),
        (7, "A URL must not contain a user name or password."),
    )
    items = service.items(submitted.scan_id)
    assert [each.url for each in items] == ["http://a.example/1", "http://a.example/2"]
    progress = service.work_list.progress(submitted.scan_id)
    assert (progress.items, progress.matches) == ({"queued": 2}, {})
    assert (progress.total, progress.finished) == (2, 0)
    assert progress.scan.key_id == REPORTER
    assert actions(service.database) == [("scan.submit", submitted.scan_id)]


def test_a_batch_may_be_empty(service: Service) -> None:
    submitted = service.work_list.submit([], actor=REPORTER)
    assert submitted.accepted == 0
    assert service.work_list.progress(submitted.scan_id).total == 0
    assert not service.scanner.work_once()


def test_items_come_in_pages(service: Service) -> None:
    scan = service.scan(*(f"http://a.example/{number}" for number in range(5)))
    service.scan("http://b.example/")
    first = service.work_list.items(scan, after=0, limit=3)
    rest = service.work_list.items(scan, after=first[-1].id, limit=3)
    assert [each.url[-1] for each in first + rest] == ["0", "1", "2", "3", "4"]


def test_every_method_refuses_an_unknown_scan(service: Service) -> None:
    unknown = ScanId("0" * 32)
    for ask in (
        lambda: service.work_list.progress(unknown),
        lambda: service.work_list.items(unknown, after=0, limit=1),
        lambda: service.work_list.cancel(unknown, actor=REPORTER),
    ):
        with pytest.raises(UnknownScanError, match="no such scan"):
            ask()
    assert actions(service.database) == []


# Finding.


def test_an_altered_copy_is_reported_and_an_unrelated_image_is_not(
    service: Service, site: OddSite
) -> None:
    case = service.open_case(MINE, generated_photo(3))
    site.add_image("/copy.jpg", altered(MINE))
    site.add_image("/other.jpg", jpeg(OTHER))
    site.add_image("/broken.jpg", b"\xff\xd8\xff")
    page = site.add_page("/page", ["other.jpg", "copy.jpg", "broken.jpg", "gone.jpg"])
    scan = service.scan(page)
    assert service.finish() == 1
    (item,) = service.items(scan)
    assert (item.state, item.images, item.images_failed) == ("done", 2, 2)
    assert (item.reason, item.attempts, item.finished_at) == (None, 1, service.clock.now)
    (match,) = service.matches()
    assert (match.case, match.scan_id, match.state) == (case, scan, "suspected")
    assert (match.page_url, match.image_url) == (page, f"{site.url}/copy.jpg")
    assert (match.tier, match.found_at) == ("certain", service.clock.now)
    assert '"view":"mirror"' in match.evidence
    progress = service.work_list.progress(scan)
    assert (progress.items, progress.matches) == ({"done": 1}, {"suspected": 1})
    assert (progress.total, progress.finished) == (1, 1)


def test_a_copy_in_a_later_frame_is_found_once(service: Service, site: OddSite) -> None:
    service.open_case(MINE)
    frames = [each.resize((320, 240)) for each in (OTHER, MINE, ImageOps.grayscale(MINE))]
    url = site.add("/frames.gif", gif(*frames))
    service.scan(url)
    service.finish()
    assert [each.image_url for each in service.matches()] == [url]


def test_each_image_of_a_long_page_keeps_its_own_matches(service: Service, site: OddSite) -> None:
    """There are more images than one matching takes. Some are plain, and some are animations."""
    mine = [generated_photo(seed) for seed in (11, 12, 13)]
    cases = [service.open_case(each) for each in mine]
    expected: dict[str, set[str]] = {}
    names = []
    for place in range(21):
        which = place % 7
        if which < 3:
            body, kind = altered(mine[which]), "jpg"
        elif which == 3:
            body, kind = jpeg(Image.new("RGB", (200, 200), "white")), "jpg"
        elif which == 4:
            body, kind = gif(*(each.resize((320, 240)) for each in (OTHER, *mine[:2]))), "gif"
        else:
            body, kind = jpeg(generated_photo(100 + place)), "jpg"
        # No two images have the same bytes.
        url = site.add(f"/{place}.{kind}", body + str(place).encode())
        names.append(f"/{place}.{kind}")
        expected[url] = {cases[which]} if which < 3 else set(cases[:2]) if which == 4 else set()
    service.scan(site.add_page("/page", names))
    service.finish()
    found: dict[str, set[str]] = {each: set() for each in expected}
    for match in service.matches():
        found[match.image_url].add(match.case)
    assert found == expected


def test_one_image_may_belong_to_two_cases(service: Service, site: OddSite) -> None:
    cases = {service.open_case(MINE), service.open_case(MINE)}
    service.scan(site.add_image("/copy.jpg", altered(MINE)))
    service.finish()
    assert {each.case for each in service.matches()} == cases


def test_a_match_that_was_recorded_before_is_not_recorded_again(
    service: Service, site: OddSite
) -> None:
    service.open_case(MINE)
    site.add_image("/copy.jpg", altered(MINE))
    pages = [site.add_page(f"/page{number}", ["copy.jpg", "/copy.jpg#x"]) for number in range(2)]
    for urls in (pages, pages, [f"{site.url}/copy.jpg"]):
        scan = service.scan(*urls)
        service.finish()
        assert service.states(scan) == [("done", None)] * len(urls)
        assert [each.page_url for each in service.matches()] == [pages[0]]


def test_a_copy_at_another_url_is_recorded_too(service: Service, site: OddSite) -> None:
    service.open_case(MINE)
    urls = [site.add_image(f"/{number}.jpg", altered(MINE)) for number in range(3)]
    service.scan(*urls)
    service.finish()
    assert sorted(each.image_url for each in service.matches()) == urls


def test_a_case_that_is_opened_later_is_found_by_the_next_scan(
    service: Service, site: OddSite
) -> None:
    url = site.add_image("/copy.jpg", altered(MINE))
    service.scan(url)
    service.finish()
    assert service.matches() == []
    service.open_case(MINE)
    service.scan(url)
    service.finish()
    assert len(service.matches()) == 1


def test_a_content_withdrawn_between_finding_and_storing_gives_no_match(
    service: Service, site: OddSite
) -> None:
    mine = service.open_case(MINE)
    stays = service.open_case(MINE)
    found: list[Found] = []

    class Withdrawing:
        """An index that withdraws the case before its answer arrives."""

        def find_all(self, candidates: Sequence[Signature]) -> list[list[Found]]:
            (of_one,) = service.bank_index.find_all(candidates)
            found.extend(of_one)
            service.bank.withdraw_case(mine, actor="intake")
            return [of_one]

    scan = service.scan(site.add_image("/copy.jpg", altered(MINE)))
    assert service.another_scanner(bank_index=Withdrawing()).work_once()
    assert len(found) == 2
    assert service.states(scan) == [("done", None)]
    assert [each.case for each in service.matches()] == [stays]


# Cancelling.


def test_cancelling_ends_the_items_that_have_not_begun(service: Service, site: OddSite) -> None:
    service.open_case(MINE)
    copy = site.add_image("/copy.jpg", altered(MINE))
    done = site.add_image("/other.jpg", jpeg(OTHER))
    busy = site.add("/busy", status=503)
    scan = service.scan(done, busy, copy)
    for _ in range(2):
        service.scanner.work_once()
    other = service.scan(copy)
    assert [state for state, _ in service.states(scan)] == ["done", "failed", "queued"]
    progress = service.work_list.cancel(scan, actor=REPORTER)
    assert progress.items == {"done": 1, "cancelled": 2}
    assert progress.finished == progress.total == 3
    assert progress.scan.cancelled_at == service.clock.now
    assert service.finish() == 1
    assert service.states(other) == [("done", None)]
    assert ("scan.cancel", scan) in actions(service.database)


def test_a_cancelled_scan_finishes_the_item_in_hand(service: Service, site: OddSite) -> None:
    def cancel(_url: str) -> None:
        service.work_list.cancel(scan, actor=REPORTER)

    scanner = service.another_scanner(looker=OtherLooker(service.looker, cancel))
    scan = service.scan(site.add("/busy", status=503), site.add("/never"))
    assert scanner.work_once()
    assert service.states(scan) == [("dead", "http-503"), ("cancelled", None)]
    assert service.finish() == 0


# Failing.


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_url_that_may_work_later_is_retried_as_often_as_the_settings_say(
    attempts: int, service: Service, site: OddSite
) -> None:
    settings = service.settings.model_copy(update={"scan_attempts": attempts, "scan_retry_s": 40})
    scanner = service.another_scanner(settings=settings)
    scan = service.scan(site.add("/busy", status=503))
    for attempt in range(1, attempts + 1):
        assert scanner.work_once()
        (item,) = service.items(scan)
        assert (item.attempts, item.reason) == (attempt, "http-503")
        if attempt < attempts:
            assert (item.state, item.finished_at) == ("failed", None)
            # The wait doubles each time, with up to a quarter more or less.
            wait = 40 * 2 ** (attempt - 1)
            service.clock.advance(0.75 * wait - 0.1)
            assert not scanner.work_once()
            service.clock.advance(0.5 * wait + 0.2)
    assert (item.state, item.finished_at) == ("dead", service.clock.now)
    service.clock.advance(3600)
    assert not scanner.work_once()
    assert len(site.asked) == attempts


def test_urls_that_failed_together_are_retried_at_different_times(
    service: Service, site: OddSite
) -> None:
    settings = service.settings.model_copy(update={"scan_retry_s": 30})
    scanner = service.another_scanner(settings=settings)
    scan = service.scan(*(site.add(f"/busy{number}", status=503) for number in range(9)))
    while scanner.work_once():
        continue
    assert len({each.due_at for each in service.items(scan)}) == 9


def test_retrying_a_dead_url_gives_it_all_attempts_again(service: Service, site: OddSite) -> None:
    scan = service.scan(
        site.add("/busy", status=503), f"{site.url}/missing", site.add_page("/", [])
    )
    assert service.finish() == service.settings.scan_attempts + 2
    assert [state for state, _ in service.states(scan)] == ["dead", "dead", "done"]
    again = service.work_list.retry(scan, actor=REPORTER)
    assert again.items == {"queued": 2, "done": 1}
    assert service.states(scan)[:2] == [("queued", None)] * 2
    assert service.finish() == service.settings.scan_attempts + 1
    (busy, _, _) = service.items(scan)
    assert (busy.state, busy.attempts) == ("dead", 2 * service.settings.scan_attempts)
    assert ("scan.retry", scan) in actions(service.database)


def test_a_resumed_scan_continues(service: Service, site: OddSite) -> None:
    scan = service.scan(site.add_page("/1", []), site.add_page("/2", []))
    assert service.scanner.work_once()
    service.work_list.cancel(scan, actor=REPORTER)
    with pytest.raises(CancelledScanError):
        service.work_list.retry(scan, actor=REPORTER)
    assert service.finish() == 0
    assert service.work_list.resume(scan, actor=REPORTER).scan.cancelled_at is None
    assert service.finish() == 1
    assert service.states(scan) == [("done", None)] * 2
    assert ("scan.resume", scan) in actions(service.database)


def test_a_url_that_works_after_failures_is_done(service: Service, site: OddSite) -> None:
    service.open_case(MINE)
    url = site.add("/copy.jpg", status=503)
    scan = service.scan(url)
    assert service.scanner.work_once()
    site.add("/copy.jpg", altered(MINE))
    assert service.scanner.work_once()
    assert service.states(scan) == [("done", None)]
    assert len(service.matches()) == 1


def test_a_page_is_retried_if_some_of_its_images_may_work_later(
    service: Service, site: OddSite
) -> None:
    """Matches of the other images are stored at once, and only once."""
    service.open_case(MINE)
    site.add_image("/a.jpg", altered(MINE))
    busy = site.add("/b.jpg", status=503)
    scan = service.scan(site.add_page("/page", ["a.jpg", busy, "gone.jpg"]))
    assert service.scanner.work_once()
    (item,) = service.items(scan)
    assert (item.state, item.reason, item.images, item.images_failed) == (
        "failed",
        "http-503",
        1,
        2,
    )
    assert len(service.matches()) == 1
    site.add("/b.jpg", jpeg(MINE, 40))
    assert service.finish() == 1
    (item,) = service.items(scan)
    assert (item.state, item.reason, item.images, item.images_failed) == ("done", None, 2, 1)
    assert len(service.matches()) == 2


def test_a_page_whose_images_never_work_is_done_in_the_end(service: Service, site: OddSite) -> None:
    scan = service.scan(site.add_page("/page", [site.add("/b.jpg", status=503)]))
    assert service.finish() == service.settings.scan_attempts
    (item,) = service.items(scan)
    assert (item.state, item.images_failed) == ("done", 1)


def test_a_retry_waits_as_long_as_the_site_asks(service: Service, site: OddSite) -> None:
    scan = service.scan(site.add("/busy", status=503, Retry_After="600"))
    assert service.scanner.work_once()
    (item,) = service.items(scan)
    assert item.due_at >= service.clock.now + timedelta(seconds=600)


def test_a_match_keeps_the_facts_of_the_download(service: Service, site: OddSite) -> None:
    service.open_case(MINE)
    url = site.add("/copy.jpg", altered(MINE), Last_Modified="Tue, 01 Jan 2030 00:00:00 GMT")
    service.scan(url)
    service.finish()
    (match,) = service.matches()
    assert json.loads(match.facts)["status"] == 200


def test_a_scan_uses_its_own_proxy(service: Service, site: OddSite) -> None:
    asked: list[str | None] = []

    class Through:
        """A looker that records which proxy it was given."""

        def look(self, url: str, *, via: str | None, **_how: object) -> Iterator[Look]:
            asked.append(via)
            return iter(())

    service.work_list.submit(lines(f"{site.url}/1"), actor=REPORTER, via="abroad")
    service.scan(f"{site.url}/2")
    scanner = service.another_scanner(looker=Through())
    while scanner.work_once():
        continue
    assert asked == ["abroad", None]


def test_a_url_that_will_never_work_is_tried_once(service: Service, site: OddSite) -> None:
    scan = service.scan(f"{site.url}/missing", "http://10.0.0.1/", site.add("/text", b"words"))
    assert service.finish() == 3
    assert service.states(scan) == [
        ("dead", "http-404"),
        ("dead", "forbidden-address"),
        ("dead", "neither-page-nor-image"),
    ]


def test_an_item_that_crashes_does_not_stop_the_others_and_no_url_is_logged(
    service: Service, site: OddSite
) -> None:
    service.open_case(MINE)

    def fail(url: str) -> None:
        if "sekrit" in url:
            raise RuntimeError(f"No library should say {url}.")

    scanner = service.another_scanner(looker=OtherLooker(service.looker, fail))
    good = site.add_image("/copy.jpg", altered(MINE))
    scan = service.scan(f"{site.url}/sekrit", good, f"{site.url}/missing", f"{site.url}/sekrit2")
    with capture_logs() as logs:
        while scanner.work_once():
            pass
    assert service.states(scan) == [
        ("dead", "internal"),
        ("done", None),
        ("dead", "http-404"),
        ("dead", "internal"),
    ]
    assert len(service.matches()) == 1
    crashes = [each for each in logs if each["event"] == "scan.item_crashed"]
    assert len(crashes) == 2 * service.settings.scan_attempts
    assert {each["error"] for each in crashes} == {"RuntimeError"}
    logged = repr(logs)
    for word in ("sekrit", "127.0.0.1", str(site.port), "http:", "copy", "RuntimeError("):
        assert word not in logged

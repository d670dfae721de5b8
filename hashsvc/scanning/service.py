"""Builds, starts and stops everything a process needs for scanning, from its settings."""

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from hashsvc.clock import Clock, utc_now
from hashsvc.matching import BankIndex
from hashsvc.sandbox import SandboxError
from hashsvc.scanning.fetch import Fetcher
from hashsvc.scanning.known import KnownImages
from hashsvc.scanning.leases import Leases
from hashsvc.scanning.look import Looker
from hashsvc.scanning.pages.sandbox import PageSandbox
from hashsvc.scanning.rendering import Renderer, RendererState
from hashsvc.scanning.scanner import Scanner
from hashsvc.scanning.work_list import WorkList
from hashsvc.settings import Settings
from hashsvc.signals import Limits, Sandbox
from hashsvc.signals.video import signs_films
from hashsvc.store import Database


@dataclass(frozen=True, slots=True)
class ScanningService:
    """
    All parts that scan in one process, which is the service itself or a `hashsvc worker`.

    Attributes:
        fetcher: Downloads URLs.

        sandbox: Decodes and signs images, in as many processes as there are cores, and at most as
            many as there are scan threads.

        page_sandbox: Reads pages, in processes of their own.

        renderer: Runs the scripts of pages; None if the settings name no browser.

        looker: Finds and signs the images at a URL.

        work_list: Takes batches of URLs, and reports on scans.

        scanner: The worker threads.
    """

    fetcher: Fetcher
    sandbox: Sandbox
    page_sandbox: PageSandbox
    renderer: Renderer | None
    looker: Looker
    work_list: WorkList
    scanner: Scanner

    @classmethod
    def build(
        cls, settings: Settings, database: Database, bank_index: BankIndex, clock: Clock = utc_now
    ) -> Self:
        """Build the parts from the settings, without starting any."""
        fetcher = Fetcher(settings)
        sandbox = Sandbox(
            Limits(
                max_bytes=settings.image_max_bytes,
                max_pixels=settings.image_max_pixels,
                max_frames=settings.image_max_frames,
                max_seconds=settings.image_max_seconds,
                max_memory_bytes=settings.image_max_memory_bytes,
            ),
            workers=max(1, min(settings.scan_threads, os.cpu_count() or 1)),
        )
        page_sandbox = PageSandbox(workers=sandbox.pool.size)
        renderer = (
            None
            if settings.scan_renderer is None
            else Renderer(
                settings.scan_renderer,
                fetcher,
                user_agent=settings.fetch_user_agent,
                isolation=settings.scan_renderer_isolation,
            )
        )
        looker = Looker(
            fetcher,
            images_per_page=settings.scan_images_per_page,
            links_per_page=settings.scan_links_per_page,
            films_per_page=settings.scan_films_per_page if signs_films() else 0,
            sign=KnownImages(sandbox.sign_frames).sign_frames,
            renderer=renderer,
            reader=page_sandbox,
        )
        work_list = WorkList(settings, database, clock)
        leases = Leases(settings, database, clock)
        scanner = Scanner(
            settings,
            leases,
            bank_index,
            looker,
            work_list.work_came,
            get_ready=lambda: _wait_for(sandbox),
        )
        return cls(fetcher, sandbox, page_sandbox, renderer, looker, work_list, scanner)

    def start(self) -> None:
        """Start the sandboxes and the worker threads, and check the renderer."""
        self.open_sandboxes()
        if self.renderer is not None:
            # The check starts a browser, so don't wait for it.
            threading.Thread(target=self.renderer.check, name="renderer-check", daemon=True).start()
        self.scanner.start()

    def open_sandboxes(self) -> None:
        """Start only the sandboxes, for a caller that uses `looker` without worker threads."""
        self.sandbox.open()
        self.page_sandbox.open()

    def renderer_state(self) -> tuple[RendererState, str]:
        """Return whether pages' scripts are run, and why the browser was refused, if it was."""
        if self.renderer is None:
            return RendererState.OFF, ""
        return self.renderer.state, self.renderer.reason

    def stop(self) -> None:
        """Stop the worker threads, then close the sandboxes and all connections."""
        self.scanner.stop()
        self.sandbox.close()
        self.page_sandbox.close()
        self.fetcher.close()


def _wait_for(sandbox: Sandbox) -> None:
    # If the sandbox does not start, signing an image raises the same error.
    with suppress(SandboxError):
        sandbox.wait()

"""Mails the notice of a request: `python -m tests.removal.workflow.mailing_child REQUEST`."""

import sys

from hashsvc.removal import Removal
from hashsvc.settings import Settings
from hashsvc.store import Database
from hashsvc.store.ids import RequestId
from tests.helpers.cases import signature
from tests.removal.conftest import ANN, ToldLooker

if __name__ == "__main__":
    settings = Settings()
    removal = Removal(settings, Database.of(settings), ToldLooker(signature(1)))
    removal.mail(RequestId(sys.argv[1]), dry_run=False, actor=ANN)

"""`hashsvc removal` lists mails with an unknown outcome, and settles them."""

import json
from datetime import UTC, datetime

import pytest

from hashsvc.access import Role
from hashsvc.settings import Settings
from hashsvc.store import Database
from tests.cli.conftest import Run, Running
from tests.helpers.cases import store_case, store_content, store_match, store_request
from tests.removal.steps import leave_unsure


@pytest.mark.parametrize(
    ("option", "state", "number"),
    [("--was-sent", "sent", "7K3M-X9QD-5"), ("--was-not-sent", "approved", "7K3M-X9QE-4")],
)
def test_an_unsure_mail_is_listed_and_settled(
    run: Run, service: Running, option: str, state: str, number: str
) -> None:
    database = Database.of(Settings(data_dir=service.data_dir))
    content_id = store_content(database, store_case(database, number))
    match_id = store_match(database, content_id, state="confirmed")
    request = store_request(database, match_id, "approved")
    leave_unsure(database, request, datetime.now(UTC))
    database.close()

    variables = service.variables(Role.ANALYST)
    listed = run("removal", "list", "--unsure", **variables)
    assert [json.loads(each)["request"] for each in listed.stdout.splitlines()] == [request]
    shown = run("removal", "show", request, **variables)
    assert json.loads(shown.stdout)["mailing"]["request"] == request

    said = ("--reason", "The mail server's log says so.")
    settled = run("removal", "settle-mail", request, option, *said, **variables)
    assert settled.exit_code == 0, settled.stderr
    assert json.loads(settled.stdout)["state"] == state
    assert run("removal", "list", "--unsure", **variables).stdout == ""

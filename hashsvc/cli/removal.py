"""`hashsvc removal`: removal requests, from the confirmed match to the court order."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hashsvc.cli.connecting import LOCAL, Insecure, Key, Url, connected
from hashsvc.cli.output import fail, write
from hashsvc.removal import FORMATS, Basis, Language, Outcome, State

app = typer.Typer(
    no_args_is_help=True, help="Removal requests: raise, send, follow, and see what is due."
)

RequestId = Annotated[str, typer.Argument(help="The request's id.", metavar="REQUEST")]
Spoken = Annotated[
    Language | None,
    typer.Option(help="Language of the document. If unset, one that the channel takes."),
]
Explanation = Annotated[str | None, typer.Option(help="Text to add to the template.")]
Platform = Annotated[
    str | None, typer.Option(help="An entry's id in the registry, or a host name.")
]
_PATH = "/v1/removal-requests"


@app.command("raise")
def raise_request(
    match: Annotated[str, typer.Argument(help="The confirmed match's id.", metavar="MATCH")],
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    platform: Platform = None,
    language: Spoken = None,
    basis: Annotated[Basis | None, typer.Option(help="Legal basis of the notice.")] = None,
) -> None:
    """
    Draft a request for a confirmed match.

    If the case already has a draft notice to the platform, the request is added to it.
    """
    body = _without_none(match=match, platform=platform, language=language, basis=basis)
    with connected(url, key, insecure) as client:
        _print(client.post(_PATH, body))


@app.command("list")
def list_requests(
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    state: Annotated[State | None, typer.Option(help="List only requests in this state.")] = None,
    platform: Platform = None,
    unsure: Annotated[
        bool,
        typer.Option(
            "--unsure",
            help="List only requests for which nobody knows whether the notice was mailed.",
        ),
    ] = False,
) -> None:
    """List requests, newest first, one line of JSON per request."""
    query = _without_none(state=state, platform=platform, mailing="unsure" if unsure else None)
    with connected(url, key, insecure) as client:
        for each in client.get(_PATH, limit=1000, **query):
            _print(each)


@app.command()
def show(request: RequestId, key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """Show a request with its notices and its steps."""
    with connected(url, key, insecure) as client:
        _print(client.get(f"{_PATH}/{request}"))


@app.command()
def notice(
    request: RequestId,
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    form: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "text",
    which: Annotated[
        str | None,
        typer.Option("--notice", help="Id of one of the request's notices. If unset, the first."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="File to write. If unset, the notice is printed.")
    ] = None,
) -> None:
    """Write a request's notice, complaint, referral or annex, as sent or as drafted now."""
    query = _without_none(format=form, notice=which)
    with connected(url, key, insecure) as client:
        content = client.content(f"{_PATH}/{request}/notice", **query)
    write(content, output, is_text=form != "pdf")


@app.command()
def move(
    request: RequestId,
    to: Annotated[State, typer.Argument(help="The state to go to.")],
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    at: Annotated[
        datetime | None, typer.Option(help="When it happened, in local time. If unset, now.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="Reason that the platform gave, or your own.")
    ] = None,
) -> None:
    """Move a request to its next state, such as approved, sent, receipted, removed or refused."""
    moment = at.astimezone().isoformat() if at else None
    _post(request, "moves", _without_none(to=to, at=moment, reason=reason), url, key, insecure)


@app.command()
def mail(
    request: RequestId,
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    dry_run: Annotated[
        bool, typer.Option(help="Show what would be sent, and send nothing.")
    ] = False,
) -> None:
    """Send an approved notice through the service's mail server."""
    _post(request, "mails", {"dry_run": dry_run}, url, key, insecure)


@app.command("settle-mail")
def settle_mail(
    request: RequestId,
    was_sent: Annotated[
        bool,
        typer.Option("--was-sent/--was-not-sent", help="Whether the mail server took the notice."),
    ],
    reason: Annotated[str, typer.Option(help="How you know, for the record.")],
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
) -> None:
    """Record whether a notice was sent, if the service stopped before it recorded that itself."""
    body = {"was_sent": was_sent, "reason": reason}
    _post(request, "mail-settlements", body, url, key, insecure)


@app.command()
def recheck(request: RequestId, key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """Check now whether the image is still there."""
    _post(request, "rechecks", {}, url, key, insecure)


@app.command()
def observe(
    request: RequestId,
    seen: Annotated[Outcome, typer.Argument(help="What you saw.")],
    reason: Annotated[str, typer.Option(help="How you saw it, for the record.")],
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
) -> None:
    """Record what you saw yourself, if a re-check cannot tell."""
    _post(request, "observations", {"outcome": seen, "reason": reason}, url, key, insecure)


@app.command()
def complain(
    request: RequestId,
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    language: Spoken = None,
    explanation: Explanation = None,
) -> None:
    """Write the internal complaint against the platform's decision."""
    body = _without_none(language=language, explanation=explanation)
    _post(request, "complaints", body, url, key, insecure)


@app.command()
def refer(
    request: RequestId,
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    language: Spoken = None,
    explanation: Explanation = None,
) -> None:
    """Write the referral: the complaint about a platform to the Digital Services Coordinator."""
    body = _without_none(language=language, explanation=explanation)
    _post(request, "referrals", body, url, key, insecure)


@app.command()
def order(
    request: RequestId,
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    language: Spoken = None,
    explanation: Explanation = None,
    known: Annotated[
        list[str] | None,
        typer.Option(
            help="ELEMENT=WORDS: text for one element. Other elements are left to the court."
        ),
    ] = None,
) -> None:
    """Write the annex to a court order about the case's images at a platform."""
    if wrong := [each for each in known or [] if "=" not in each]:
        fail(f"--known takes ELEMENT=WORDS. {len(wrong)} values have no equals sign.")
    elements = [
        {"element": name, "text": words}
        for name, _, words in (each.partition("=") for each in known or [])
    ]
    body = _without_none(language=language, explanation=explanation) | {"elements": elements}
    _post(request, "orders", body, url, key, insecure)


@app.command()
def escalate(
    request: RequestId,
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    platform: Platform = None,
) -> None:
    """Draft a request to the next actor that serves the image: host, CDN or search engine."""
    _post(request, "escalations", _without_none(platform=platform), url, key, insecure)


@app.command()
def evidence(
    output: Annotated[Path, typer.Option(help="ZIP file to write.")],
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    request: Annotated[
        str | None,
        typer.Option(help="Id of a request. Requests that are connected with it are included."),
    ] = None,
    case: Annotated[
        str | None, typer.Option(help="Number of a case. All of its requests are included.")
    ] = None,
) -> None:
    """Write the evidence bundle of a request or a case. Check it with `hashsvc evidence verify`."""
    if (request is None) == (case is None):
        fail("Use one of --request and --case.")
    path = f"{_PATH}/{request}" if request else f"/v1/cases/{case}"
    with connected(url, key, insecure) as client:
        write(client.content(f"{path}/evidence"), output)


@app.command()
def due(
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    language: Language = Language.EN,
    calendar: Annotated[
        Path | None, typer.Option(help="Write all deadlines to this .ics file and print none.")
    ] = None,
) -> None:
    """Show what is overdue, what is due today, and what is due later."""
    with connected(url, key, insecure) as client:
        if calendar is not None:
            write(client.content("/v1/deadlines.ics", language=language), calendar)
            return
        deadlines = client.get("/v1/deadlines", language=language)
    for name in ("overdue", "due_today", "running"):
        for each in deadlines[name]:
            moment = datetime.fromisoformat(each["due_at"]).astimezone()
            what = f"{each['platform']}  {each['label']}  {each['request']}"
            typer.echo(f"{name.replace('_', ' '):9} {moment:%Y-%m-%d %H:%M}  {what}")


def _post(
    request: str, what: str, body: dict[str, Any], url: str, key: str, insecure: bool
) -> None:
    with connected(url, key, insecure) as client:
        _print(client.post(f"{_PATH}/{request}/{what}", body))


def _print(answer: object) -> None:
    typer.echo(json.dumps(answer))


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}

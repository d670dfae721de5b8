"""The registry of platforms: who can take an image down, and how to reach them."""

from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Path, Response, status

from hashsvc.api.auth import AnalystDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.platforms import PlatformIn, PlatformsOut, as_json

router = APIRouter(prefix="/v1/platforms", tags=["platforms"])

Name = Annotated[
    str,
    Path(
        max_length=300,
        pattern=r"^[^\s\x00-\x1f\x7f]+$",
        description="An entry's id, or a host.",
        examples=["example.org"],
    ),
]
Entry = Annotated[
    str,
    Path(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100, description="The entry's id."),
]


@router.get("", responses=problems())
def list_platforms(caller: AnalystDep, services: ServicesDep) -> PlatformsOut:
    """List all entries of the registry: shipped, from the operator's file and stored here."""
    services.record(caller.key_id, "platform.list", "all")
    registry = services.removal.context.platforms.all()
    return PlatformsOut(
        version=registry.version, platforms=[as_json(each) for each in registry.platforms]
    )


@router.get(
    ".yaml",
    response_class=Response,
    responses={200: {"content": {"application/yaml": {}}}, **problems()},
)
def export_platforms(caller: AnalystDep, services: ServicesDep) -> Response:
    """Export all entries as a YAML file for the setting `platforms_file`."""
    services.record(caller.key_id, "platform.list", "all")
    registry = services.removal.context.platforms.all()
    today = services.clock().date().isoformat()
    content = {"version": today, "platforms": [as_json(each) for each in registry.platforms]}
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=100)
    return Response(text, media_type="application/yaml")


@router.get("/{platform}", responses=problems(404, 422))
def read_platform(platform: Name, caller: AnalystDep, services: ServicesDep) -> dict[str, Any]:
    """Show an entry by its id or a host. For a host without an entry, show what is known of it."""
    found = services.removal.contacts.of(platform, actor=caller.key_id)
    return as_json(found)


@router.put("/{platform}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404, 422))
def store_platform(
    platform: Entry, body: PlatformIn, caller: AnalystDep, services: ServicesDep
) -> None:
    """Store an entry. It replaces the entry with the same id."""
    services.removal.context.platforms.put(body.entry(platform), actor=caller.key_id)


@router.delete("/{platform}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404, 422))
def remove_platform(platform: Entry, caller: AnalystDep, services: ServicesDep) -> None:
    """Remove a stored entry. A shipped entry with the same id takes its place again."""
    services.removal.context.platforms.remove(platform, actor=caller.key_id)

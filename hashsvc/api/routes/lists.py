"""Common images, which the bank refuses, and protected images, which an analyst must check."""

from fastapi import APIRouter, status

from hashsvc.api.auth import AdminDep, ListerDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.base import OpaqueId
from hashsvc.api.schemas.lists import LabelOut, ListedOut
from hashsvc.api.schemas.signatures import LookupIn
from hashsvc.bank import ImageList
from hashsvc.store.ids import LabelId

router = APIRouter(prefix="/v1/lists", tags=["lists"])


@router.post("/common/images", status_code=status.HTTP_201_CREATED, responses=problems(422))
def add_common_image(body: LookupIn, caller: AdminDep, services: ServicesDep) -> LabelOut:
    """Add a common image, such as a logo. New contents that are similar to it are refused."""
    label = services.lists.add(ImageList.COMMON, body.signature(), actor=caller.key_id)
    return LabelOut(label=label)


@router.post("/protected/images", status_code=status.HTTP_201_CREATED, responses=problems(422))
def add_protected_image(body: LookupIn, caller: ListerDep, services: ServicesDep) -> LabelOut:
    """Add a protected image, such as news. Contents similar to it then wait for an analyst."""
    label = services.lists.add(ImageList.PROTECTED, body.signature(), actor=caller.key_id)
    return LabelOut(label=label)


@router.get("/{kind}/images", responses=problems(404, 422))
def list_listed_images(
    kind: ImageList, _caller: ListerDep, services: ServicesDep
) -> list[ListedOut]:
    """List the images on a list. Only their labels identify them: signals are never shown."""
    return [ListedOut.of(each) for each in services.lists.images(kind)]


@router.delete(
    "/common/images/{label}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(404, 422),
)
def remove_common_image(label: OpaqueId, caller: AdminDep, services: ServicesDep) -> None:
    """Remove an image from the list of common images."""
    services.lists.remove(ImageList.COMMON, LabelId(label), actor=caller.key_id)


@router.delete(
    "/protected/images/{label}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(404, 422),
)
def remove_protected_image(label: OpaqueId, caller: ListerDep, services: ServicesDep) -> None:
    """Remove an image from the list of protected images."""
    services.lists.remove(ImageList.PROTECTED, LabelId(label), actor=caller.key_id)

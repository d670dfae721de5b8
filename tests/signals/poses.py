"""The eight poses of an image, by the reference's names and by this project's."""

from hashsvc.signals import View

# The reference names a pose by where its rows and columns go; a view is named by how it is turned.
REFERENCE = {
    "original": View.WHOLE,
    "rot90": View.ROT90,
    "rot180": View.ROT180,
    "rot270": View.ROT270,
    "flipx": View.MIRROR_ROT180,
    "flipy": View.MIRROR,
    "flip_plus1": View.MIRROR_ROT90,
    "flip_minus1": View.MIRROR_ROT270,
}

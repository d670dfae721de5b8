"""`data:` URLs are read as the Fetch Standard says."""

import base64
from urllib.parse import quote

import pytest

from hashsvc.scanning.pages.inline import read_inline

DATA = base64.b64encode(bytes(range(256)) * 4).decode()
INLINE = {
    f"data:image/png;base64,{DATA}": bytes(range(256)) * 4,
    f"data:image/png;base64,{DATA.rstrip('=')}": bytes(range(256)) * 4,
    f"data:image/png;charset=x; BASE64,{DATA}": bytes(range(256)) * 4,
    f"data:image/png;base64,{DATA[:700]}\n{quote(DATA[700:], safe='')}": bytes(range(256)) * 4,
    f"data:image/jpeg;base64,{DATA.replace('+', '-').replace('/', '_')}": bytes(range(256)) * 4,
    "data:image/bmp,BM%00%ff": b"BM\x00\xff",
    "data:image/png;base64,QUJDR": b"ABC",
    "data:image/png;base64,": b"",
    "data:image/png;base64": None,
    "data:image/svg+xml,<svg/>": b"<svg/>",
    f"data:text/html;base64,{DATA}": bytes(range(256)) * 4,
    f"data:;base64,{DATA}": bytes(range(256)) * 4,
    f"DATA:;base64,{DATA}": bytes(range(256)) * 4,
    f"data:{DATA}": None,
    "http://a.example/,x": None,
}


@pytest.mark.parametrize("reference", INLINE)
def test_an_inline_image_is_read_as_a_browser_reads_it(reference: str) -> None:
    read = read_inline(reference, max_bytes=5000)
    assert (read.body if read else None) == INLINE[reference]


@pytest.mark.parametrize(
    "reference", [f"data:image/png;base64,{DATA}", "data:image/png," + "a" * 99]
)
def test_of_a_large_inline_image_only_so_much_is_read(reference: str) -> None:
    read = read_inline(reference, max_bytes=50)
    assert read is not None
    assert len(read.body) == 51

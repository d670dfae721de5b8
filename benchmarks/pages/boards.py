"""Pages in the style of imageboards, forums, image hosts and other sites of the older kind."""

from benchmarks.pages.making import Maker


def imageboard(m: Maker) -> None:
    """Thumbnails that link to the large file, with schemeless URLs."""

    def post() -> str:
        token = m.token()
        large, small = f"//@HOST@/b/{token}.jpg", f"//@HOST@/b/thumb/{token}s.jpg"
        info = m.tag("a", f"{token}.jpg", href=large, target="_blank")
        shown = m.tag("img", src=small, alt="120 KB", style="height: 120px; width: 160px;")
        link = m.tag("a", shown, class_="fileThumb", href=large, target="_blank")
        return f'<div class="postContainer"><div class="file">{info}{link}</div>{m.words()}</div>'

    m.show('<form name="delform">' + m.each(post) + "</form>")


def imageboard_scripted(m: Maker) -> None:
    """A board whose script replaces the thumbnails with the large files."""

    def post() -> str:
        token = m.token()
        shown = m.tag("img", class_="post-image", src=m.ref(f"/src/thumb/{token}.jpg"), alt="")
        return m.tag("a", shown, href=m.ref(f"/src/{token}.png"), data_md5=token)

    m.show(
        m.each(post) + "<script>document.querySelectorAll('a[data-md5]').forEach(function (a) {"
        " a.firstChild.src = a.href; });</script>"
    )


def phpbb(m: Maker) -> None:
    """Attachments whose addresses have no extension."""

    def post() -> str:
        query = f"id={m.rng.randrange(9999)}&k={m.token()}&mode=view"
        shown = m.tag(
            "img", src=m.ref(f"/download/file.php?{query}"), class_="postimage", alt="IMG_2041.jpg"
        )
        return f'<div class="content">{m.words(8)}<dl class="file"><dt>{shown}</dt></dl></div>'

    avatar = m.tag("img", src=m.ref(m.picture("/avatar/{}.gif")), width="40", height="40")
    m.show(f"{avatar}{m.each(post)}")


def vbulletin(m: Maker) -> None:
    """Attachments and pictures of other hosts, in nested tables with event handlers."""

    def post() -> str:
        attached = f"/attachment.php?attachmentid={m.token()}&stc=1&d=1409"
        shown = m.tag("img", src=m.ref(attached), border="0", alt="", onload="void 0")
        other = m.tag("img", src=m.absolute(m.picture("/albums/x/{}.JPG")), border="0")
        return (
            f"<table><tr><td class=alt1>{m.words(5)}<br>{shown}</td><td>{other}</td></tr></table>"
        )

    m.show(m.each(post))


def xenforo(m: Maker) -> None:
    """Lazily loaded pictures with a copy for browsers without scripts."""

    def post() -> str:
        path = m.ref(m.picture("/attachments/img-{}-jpg.9921/"))
        lazy = m.tag(
            "img", class_="bbImage lazyload", data_src=path, data_url="", src=_BLANK, alt=""
        )
        return f"<div class=bbWrapper>{lazy}<noscript>{m.tag('img', src=path)}</noscript></div>"

    m.show(m.each(post) + _lazy("img.lazyload", "data-src"))


def discuz(m: Maker) -> None:
    """Attachments that a script moves from `file` to `src`."""

    def post() -> str:
        token = m.token()
        path = m.ref(f"/data/attachment/forum/202401/{token}.jpg")
        shown = m.tag(
            "img", id=f"aimg_{token}", aid=token, zoomfile=path, file=path,
            src=m.ref(m.picture("/static/spacer-{}.gif")), class_="zoom", width="600",
        )  # fmt: skip
        return f'<tr><td class="t_f" id="postmessage_{token}">{m.words(6)}<br>{shown}</td></tr>'

    m.show(f"<table>{m.each(post)}</table>" + _lazy("img[file]", "file"))


def discuz_inputs(m: Maker) -> None:
    """A later Discuz, with lazy loading by `original` and links to the larger files."""

    def post() -> str:
        path, large = m.picture("/forum/{}.jpg.thumb.jpg"), m.picture("/forum/{}.jpg")
        lazy = m.tag("img", original=m.ref(path), src=_BLANK, width="320", height="240")
        return f"<li>{m.tag('a', lazy, href=m.ref(large))}</li>"

    m.show(f"<ul>{m.each(post)}</ul>" + _lazy("img[original]", "original"))


def image_host(m: Maker) -> None:
    """One picture on a page of its own, with addresses to copy and related pictures."""
    path = m.picture("/2024/01/{}.jpg")
    head = m.tag("link", rel="image_src", href=m.absolute(path))
    head += m.tag("meta", property="og:image", content=m.absolute(path))
    shown = m.tag("img", src=m.ref(path.replace(".jpg", ".md.jpg")), alt="x", width="400")
    full = m.tag("a", m.words(1), href=m.ref(path), download="x.jpg", class_="btn")
    code = m.tag("input", type="text", value=f"[img]{m.absolute(path)}[/img]")
    related = m.each(
        lambda: m.tag(
            "a",
            m.tag("img", src=m.ref(m.picture("/2024/01/{}.th.jpg"))),
            href=m.ref(f"/image/{m.rng.randrange(99999)}"),
        )
    )
    m.show(f'<div class="image-viewer">{shown}</div>{full}{code}<div>{related}</div>', head)


def gallery(m: Maker) -> None:
    """Thumbnails that lead to pages with one large picture each."""

    def item(number: int) -> str:
        large = m.document(m.tag("img", src=m.absolute(m.picture("/albums/userpics/{}.jpg"))))
        behind = m.add(f"displayimage-{number}.html", "text/html", large, behind=True)
        thumb = m.tag("img", src=m.ref(m.picture("/albums/userpics/thumb_{}.jpg")), class_="image")
        return f"<td>{m.tag('a', thumb, href=m.ref(behind))}</td>"

    cells = "".join(item(number) for number in range(min(m.count, 5)))
    m.show(f"<table class=maintable><tr>{cells}</tr></table>")


def tables(m: Maker) -> None:
    """Markup of the nineties: capitals, no end tags, `background` attributes."""

    def cell() -> str:
        path = m.ref(m.picture("/PICS/{}.JPG"))
        ground = m.ref(m.picture("/bg/{}.gif"))
        return (
            f"<TR><TD BACKGROUND={m.quote(ground)} WIDTH=300 HEIGHT=200>{m.words()}"
            f"<TD><IMG SRC={m.quote(path)} BORDER=0><BR><FONT SIZE=2>{m.words()}"
        )

    m.show(f"<CENTER><TABLE>{m.each(cell)}</TABLE>")


def archive(m: Maker) -> None:
    """An archived copy: paths begin with a date and have `//` inside."""

    def item() -> str:
        inner = f"http://old.example/{m.token()}.jpg"
        path = f"/web/20190812094516im_/{inner}"
        return f"<p>{m.tag('img', src=m.absolute(path), alt=m.words(1))}</p>"

    def other() -> str:
        return m.tag("img", src=f"/web/2019im_/https://x.example//a//{m.token()}.png")

    m.show(m.each(item) + m.each(other), f"<!-- {m.words()} > -- >-->", bare=True)


def usenet(m: Maker) -> None:
    """References with blanks, line ends, entities and letters outside of ASCII."""

    def item() -> str:
        path = f"/fotos/{m.token()} {m.rng.randrange(9)} (2).jpg"
        other = f"/fotos/mañana&copy=1;{m.token()}.jpg"
        return m.tag("img", src=f"\n  {path} ") + m.tag("img", src=other)

    m.show(m.each(item))


_BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


def _lazy(selector: str, attribute: str) -> str:
    """Return a script that moves an attribute to `src` when the element comes into view."""
    return (
        "<script>(function () { var seen = new IntersectionObserver(function (entries) {"
        " entries.forEach(function (entry) { if (entry.isIntersecting) {"
        f" entry.target.src = entry.target.getAttribute('{attribute}');"
        " seen.unobserve(entry.target); } }); }, {rootMargin: '300px'});"
        f" document.querySelectorAll('{selector}').forEach(function (each) {{"
        " seen.observe(each); }); })();</script>"
    )


STYLES = (
    imageboard, imageboard_scripted, phpbb, vbulletin, xenforo, discuz, discuz_inputs, image_host,
    gallery, tables, archive, usenet,
)  # fmt: skip

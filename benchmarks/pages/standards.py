"""Pages that show pictures in the rarer ways of HTML, CSS and SVG."""

from benchmarks.pages.making import Maker


def picture_sources(m: Maker) -> None:
    """Pictures with sources by type, width and density."""

    def item() -> str:
        token = m.token()
        ref = m.ref(f"/p/{token}")
        return (
            "<picture>"
            + m.tag("source", type="image/jxl", srcset=f"{ref}.jxl")
            + m.tag("source", media="(max-width: 400px)", srcset=f"{ref}-narrow.webp")
            + m.tag("source", type="image/webp", srcset=f"{ref}.webp, {ref}@2x.webp 2x")
            + m.tag("img", src=f"{ref}.jpg", width="360", height="240")
            + "</picture>"
        )

    m.show(m.each(item))


def image_sets(m: Maker) -> None:
    """Backgrounds with `image-set()`, with and without types."""

    def item() -> str:
        ref = m.ref(m.picture("/is/{}"))
        style = f"height:200px;background-image:image-set(url('{ref}.avif') type('image/avif') 1x)"
        other = f"height:200px;background:-webkit-image-set(url({ref}x.jpg) 1x, url({ref}y.jpg) 2x)"
        return m.tag("div", "", style=style) + m.tag("div", "", style=other)

    m.show(m.each(item))


def style_sheets(m: Maker) -> None:
    """Style sheets in files of their own, which import further ones; rules for other media."""
    first, second, third = (f"/css/{m.token()}.jpg" for _ in range(3))
    m.add(
        "css/more.css",
        "text/css",
        f"@media screen {{ .b {{ background-image: url(\n'../../..{second}' ) }} }}"
        f" @media print {{ .b {{ background: url(/print-{m.token()}.jpg) }} }}",
    )
    main = m.add(
        "css/main.css",
        "text/css",
        f'@import url("more.css");\n.a {{ background: #fff u\\72l({first}) }}'
        f" .none {{ background: url(/unused-{m.token()}.png) }}"
        f" .c::before {{ content: url({third}) }}",
    )
    boxes = "".join(f'<div class="{each}" style="min-height:150px"></div>' for each in "abc")
    m.show(
        boxes + m.each(lambda: m.tag("img", src=m.ref(m.picture()))),
        m.tag("link", rel="stylesheet", type="text/css", href=m.ref(main)),
    )


def nested_rules(m: Maker) -> None:
    """Rules inside of `@layer`, `@supports` and other rules; selectors with `:is()`."""
    one, two, three = (m.ref(m.picture("/nr/{}.webp")) for _ in range(3))
    head = (
        f"<style>@layer base {{ .one {{ background: url({one}) }} }}"
        f" .two {{ height: 150px; & > p {{ background: url('{two}'); height: 120px }} }}"
        f" @supports (display: grid) {{ :is(.three, .four) {{ background: url({three}) }} }}"
        " .one, .three { height: 150px }</style>"
    )
    more = m.each(lambda: m.tag("img", src=m.ref(m.picture())))
    m.show(f"<div class=one></div><div class=two><p></div><div class=three></div>{more}", head)


def frames(m: Maker) -> None:
    """Frames inside of frames, each with pictures."""
    m.without_relative()
    inner = m.add("inner.html", "text/html", m.document(_pictures(m, 2), bare=True))
    frame = m.tag("iframe", "", src=m.ref(inner), width="600", height="500")
    middle = m.add("middle.html", "text/html", m.document(_pictures(m, 2) + frame, bare=True))
    frame = m.tag("iframe", "", src=m.ref(middle), width="700", height="600", loading="lazy")
    m.show(_pictures(m, 1) + frame)


def frame_set(m: Maker) -> None:
    """A <frameset> of a menu and a page with pictures."""
    m.without_relative()
    menu = m.add("menu.html", "text/html", m.document(m.words()))
    content = m.add("content.html", "text/html", m.document(_pictures(m, m.count), bare=True))
    m.add(
        "page.html",
        "text/html",
        f"<html><head><title>x</title></head><frameset cols='150,*'><frame src='{m.ref(menu)}'>"
        f"<frame src='{m.ref(content)}'><noframes>{m.words()}</noframes></frameset></html>",
    )
    m.lead_to(m.path)


def srcdoc(m: Maker) -> None:
    """A frame whose page stands in an attribute."""
    inner = f"<body>{_pictures(m, m.count)}</body>"
    m.show(m.tag("iframe", "", srcdoc=inner, width="600", height="400"))


def drawings(m: Maker) -> None:
    """SVG files that hold a bitmap."""
    m.show(m.each(lambda: m.tag("img", src=m.ref(m.picture("/svg/{}.svg")), width="400")))


def svg_images(m: Maker) -> None:
    """SVG in the page, with images by `href` and by `xlink:href`."""

    def item() -> str:
        one, two = m.ref(m.picture("/s/{}.jpg")), m.ref(m.picture("/s/{}.png"))
        return (
            '<svg width="400" height="220" xmlns:xlink="http://www.w3.org/1999/xlink">'
            f"<image xlink:href={m.quote(one)} width='200' height='200'></image>"
            f"<g><image href={m.quote(two)} x='200' width='200' height='200'></image></g></svg>"
        )

    m.show(m.each(item))


def inline_images(m: Maker) -> None:
    """Images in `data:` URLs, of elements and of styles."""

    def item() -> str:
        ground = f"height:180px;background:url({m.inline()})"
        return m.tag("img", src=m.inline(), alt="") + m.tag("div", "", style=ground)

    m.show(m.each(item, min(m.count, 5)))


def refresh(m: Maker) -> None:
    """A page that leads on to another one by <meta>."""
    m.without_relative()
    target = m.add("target.html", "text/html", m.document(_pictures(m, m.count), bare=True))
    m.lead_to(target)
    content = f"0; URL='{m.ref(target)}'"
    m.show(m.words(), m.tag("meta", http_equiv="refresh", content=content))


def embedded(m: Maker) -> None:
    """Pictures in <object>, <embed> and buttons of forms."""

    def item() -> str:
        one, two, three = (m.ref(m.picture("/o/{}.jpg")) for _ in range(3))
        return (
            m.tag("object", "", data=one, type="image/jpeg", width="300", height="200")
            + m.tag("embed", src=two, type="image/jpeg", width="300", height="200")
            + m.tag("input", type="image", src=three, alt="", width="300", height="200")
        )

    m.show(m.each(item, min(m.count, 4)))


def hidden(m: Maker) -> None:
    """Tabs of which a browser shows one, and comments with old markup."""
    old = m.tag("img", src=m.ref(m.picture("/old/{}.jpg")))
    unseen = m.tag("img", src=m.ref(m.picture("/tab/{}.jpg")), loading="lazy")
    m.show(f"{_pictures(m, m.count)}<!-- {old} --><div hidden>{unseen}</div>")


def written(m: Maker) -> None:
    """Markup that a script writes, in one string or joined from several."""

    def item() -> str:
        element = m.tag("img", src=m.ref(m.picture("/w/{}.gif"))).replace("'", "\\'")
        return f"<script>document.write('{element}' + '<br>');</script>"

    m.show(m.each(item))


def joined(m: Maker) -> None:
    """Addresses that a script joins from host, folder and name."""

    def item() -> str:
        return (
            f"<script>var host = '//@HOST@', folder = '/j/'; var name = '{m.token()}.jpg';"
            "document.body.appendChild(new Image()).src = host + folder + name;</script>"
        )

    m.show(m.each(item))


def looped(m: Maker) -> None:
    """Addresses that a script makes in a loop over a list of names."""
    names = ",".join(f'"{m.token()}"' for _ in range(m.count))
    m.show(
        f"<script>var base = '//@HOST@/l/'; [{names}].forEach(function (name) {{"
        " document.body.appendChild(new Image()).src = base + name + '.jpg'; });</script>"
    )


def fetched(m: Maker) -> None:
    """Data that a script asks the server for: the page itself names no picture."""
    paths = ",".join(f'"{m.picture("/api/{}.jpg")}"' for _ in range(m.count))
    data = m.add("posts.json", "application/json", f"[{paths}]")
    m.show(
        f"<script>fetch('{data}').then(function (r) {{ return r.json(); }}).then(function (all) {{"
        " all.forEach(function (each) { document.body.appendChild(new Image()).src = each; });"
        " });</script>"
    )


def _pictures(m: Maker, count: int) -> str:
    return m.each(lambda: m.tag("img", src=m.ref(m.picture()), alt=m.words(1)), count)


STYLES = (
    picture_sources, image_sets, style_sheets, nested_rules, frames, frame_set, srcdoc, drawings,
    svg_images, inline_images, refresh, embedded, hidden, written, joined,
)  # fmt: skip

RENDERED = (looped, fetched)
"""Pages whose markup and scripts hold no whole address, so that only a browser finds the images."""

"""Pages in the style of content systems, shops and frameworks."""

import json

from benchmarks.pages.making import Maker, widths

_EMPTY = "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%204%203'%3E%3C/svg%3E"


def shopify_set(m: Maker) -> None:
    """Pictures with `data-srcset`, which a script moves to `srcset`."""

    def item() -> str:
        ref = f"//@HOST@/cdn/shop/files/{m.token()}_{{w}}x.jpg?v=16"
        return m.tag(
            "img", class_="lazyload", data_srcset=widths(ref, (180, 360, 540, 720, 1080)),
            data_sizes="auto", width="400", height="300", alt="",
        )  # fmt: skip

    m.show(
        m.each(item) + "<script>document.querySelectorAll('.lazyload').forEach(function (e) {"
        " e.sizes = e.offsetWidth + 'px'; e.srcset = e.dataset.srcset; });</script>"
    )


def shopify_template(m: Maker) -> None:
    """Addresses with `{width}`, which a script fills in."""

    def item() -> str:
        ref = f"//@HOST@/cdn/shop/products/{m.token()}_{{width}}x.jpg?v=15"
        return m.tag("img", data_src=ref, data_widths="[180, 540, 1080]", width="400", alt="")

    m.show(
        m.each(item) + "<script>document.querySelectorAll('[data-widths]').forEach(function (e) {"
        " var all = JSON.parse(e.dataset.widths);"
        " e.src = e.dataset.src.replace('{width}', all[all.length - 1]); });</script>"
    )


def wordpress(m: Maker) -> None:
    """Content with native lazy loading, `srcset` and links to the files."""

    def figure() -> str:
        token = m.token()
        sized = m.ref(f"/wp-content/uploads/2024/01/{token}-{{w}}x{{w}}.jpg")
        full = m.ref(f"/wp-content/uploads/2024/01/{token}.jpg")
        shown = m.tag(
            "img", loading="lazy", decoding="async", width="1024", height="768",
            src=sized.replace("{w}", "1024"), srcset=widths(sized, (1024, 300, 768, 1536)),
            sizes="(max-width: 1024px) 100vw, 1024px", class_="wp-image-7", alt="",
        )  # fmt: skip
        return f"<figure class=wp-block-image>{m.tag('a', shown, href=full)}</figure>"

    m.show(m.each(figure))


def wordpress_lazy(m: Maker) -> None:
    """A lazy loader with a drawn placeholder and a copy in <noscript>."""

    def figure() -> str:
        path = m.ref(m.picture("/wp-content/uploads/{}.jpg"))
        lazy = m.tag("img", width="600", height="400", src=_EMPTY, data_lazy_src=path)
        return f"{lazy}<noscript>{m.tag('img', src=path, width='600', height='400')}</noscript>"

    m.show(
        m.each(figure) + "<script>document.querySelectorAll('img[data-lazy-src]').forEach("
        "function (e) { e.src = e.getAttribute('data-lazy-src');"
        " e.removeAttribute('data-lazy-src'); });</script>"
    )


def wordpress_encoded(m: Maker) -> None:
    """A lazy loader that keeps the element in a comment or a template until it is seen."""

    def figure() -> str:
        shown = m.tag("img", src=m.ref(m.picture("/wp-content/{}.png")), width="500")
        return f"<div class=later><template>{shown}</template></div>"

    m.show(
        m.each(figure) + "<script>document.querySelectorAll('.later').forEach(function (e) {"
        " e.appendChild(e.firstChild.content.cloneNode(true)); });</script>"
    )


def builder(m: Maker) -> None:
    """Sections whose backgrounds stand in style sheets of the page and in variables."""
    styles, sections = [], []
    for number in range(m.count):
        ground, other = m.ref(m.picture("/bg/{}.jpg")), m.ref(m.picture("/var/{}.jpg"))
        styles.append(f".s{number}:not(.off){{background:#eee url({ground}) center / cover;}}")
        sections.append(f'<section class="s{number}" style="height:150px">{m.words()}</section>')
        var = m.tag("div", "", style=f"--ground:url('{other}')", class_="var")
        sections.append(var)
    styles.append(".var { background-image: var(--ground); height: 140px }")
    m.show("".join(sections), f"<style>{' '.join(styles)}</style>")


def native_lazy(m: Maker) -> None:
    """Pictures far down the page with `loading=lazy`."""

    def item() -> str:
        return '<div style="height:900px"></div>' + m.tag(
            "img", src=m.ref(m.picture("/l/{}.avif")), loading="lazy", width="320", height="240"
        )

    m.show(m.each(item, min(m.count, 8)))


def amp(m: Maker) -> None:
    """Elements of AMP, which a script turns into images."""

    def item() -> str:
        return m.tag(
            "amp-img", "", src=m.ref(m.picture("/amp/{}.jpg")), width="600", height="400",
            layout="responsive",
        )  # fmt: skip

    m.show(
        m.each(item) + "<script>document.querySelectorAll('amp-img').forEach(function (e) {"
        " var shown = new Image(600, 400); shown.src = e.getAttribute('src');"
        " e.appendChild(shown); });</script>"
    )


def next_images(m: Maker) -> None:
    """Pictures that an image optimiser serves; its query has the picture's own address."""

    def item() -> str:
        ref = f"/_next/image?url={m.quoted(m.picture('/up/{}.jpg'))}&w={{w}}&q=75"
        srcset = ref.replace("{w}", "640") + " 1x, " + ref.replace("{w}", "1200") + " 2x"
        one = m.tag("img", srcset=srcset, src=ref.replace("{w}", "1200"), width="500", height="375")
        ref = f"/_next/image?url=%2F{m.token()}.png&w={{w}}&q=75"
        wide = m.tag(
            "img", sizes="100vw", srcset=widths(ref, (640, 828, 1200, 3840)),
            src=ref.replace("{w}", "3840"), style="width:100%;height:200px",
        )  # fmt: skip
        return one + wide

    m.show(m.each(item, min(m.count, 6)))


def next_flight(m: Maker) -> None:
    """Data of the server's components, in pieces that a script turns into pictures."""
    rows = [
        ["$", "img", None, {"src": m.absolute(m.picture("/f/{}.webp")), "alt": ""}]
        for _ in range(m.count)
    ]
    data = json.dumps(f"5:{json.dumps(rows)}\n")
    m.show(
        "<main></main><script>(self.__next_f = self.__next_f || []).push([1, " + data + "])"
        "</script><script>JSON.parse(self.__next_f[0][1].slice(2)).forEach(function (row) {"
        " var e = document.createElement(row[1]); e.src = row[3].src;"
        " document.querySelector('main').appendChild(e); });</script>"
    )


def nuxt(m: Maker) -> None:
    """The state of the application in a function call, drawn by a script."""
    paths = [m.absolute(m.picture("/n/{}.jpg")) for _ in range(m.count)]
    written = ",".join('{cover:"' + each.replace("/", "\\u002F") + '",id:a}' for each in paths)
    m.show(
        f"<div id=__nuxt></div><script>window.__NUXT__=(function(a){{return {{data:[{written}]}}"
        '}("x"));window.__NUXT__.data.forEach(function(each){var e=new Image();e.src=each.cover;'
        'document.getElementById("__nuxt").appendChild(e)})</script>'
    )


def lightbox(m: Maker) -> None:
    """A gallery whose script shows the first large picture above the small ones."""
    first = m.picture("/large/{}.jpg")
    paths = [first, *(m.picture("/large/{}.jpg") for _ in range(m.count - 1))]
    links = "".join(
        m.tag("a", m.tag("img", src=m.ref(f"/thumb{path}")), href=m.ref(path), class_="glightbox")
        for path in paths
    )
    m.show(
        f"<img id=stage alt=''>{links}<script>document.getElementById('stage').src ="
        " document.querySelector('.glightbox').href;</script>"
    )


def slider(m: Maker) -> None:
    """Slides with backgrounds in attributes and pictures for wide screens only."""

    def slide() -> str:
        wide, narrow = m.picture("/wide/{}.jpg"), m.picture("/narrow/{}.jpg")
        source = m.tag("source", media="(min-width: 750px)", srcset=m.ref(wide))
        shown = m.tag("img", src=m.ref(narrow), style="width:500px", alt="")
        ground = m.ref(m.picture("/slide/{}.jpg"))
        other = m.tag("div", "", data_background=ground, style="height:180px")
        return f"<picture>{source}{shown}</picture>{other}"

    m.show(
        m.each(slide, min(m.count, 5)) + "<script>document.querySelectorAll('[data-background]')"
        ".forEach(function (e) { e.style.background = 'url(\"' + e.dataset.background + '\")'; });"
        "</script>"
    )


STYLES = (
    shopify_set, shopify_template, wordpress, wordpress_lazy, wordpress_encoded, builder,
    native_lazy, amp, next_images, next_flight, nuxt, lightbox, slider,
)  # fmt: skip

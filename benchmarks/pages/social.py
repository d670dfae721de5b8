"""Pages in the style of social networks, messengers and film sites."""

import json

from benchmarks.pages.making import Maker, widths


def x_cards(m: Maker) -> None:
    """A post as the server sends it; the pictures' URLs have the format in the query."""

    def photo() -> str:
        ref = f"http://@HOST@/media/{m.token()}?format=jpg&name="
        ground = f"background-image: url('{ref}small'); width: 300px; height: 200px"
        shown = m.tag("img", alt="Image", draggable="true", src=f"{ref}small", style="opacity: 0")
        return m.tag("div", m.tag("div", "", style=ground) + shown, data_testid="tweetPhoto")

    card = m.absolute(f"/card_img/{m.token()}?format=jpg&name=orig")
    head = m.tag("meta", name="twitter:image", content=card)
    head += m.tag("meta", property="og:image", content=card)
    m.show(m.each(photo, min(m.count, 4)), head)


def reddit_old(m: Maker) -> None:
    """A list of links with thumbnails, and pictures that a script takes out of an attribute."""

    def thing() -> str:
        thumb = m.tag("img", src=f"//@HOST@/b/thumb/{m.token()}.jpg", width="140", height="105")
        link = m.tag("a", thumb, class_="thumbnail", href=m.absolute(f"/i/{m.token()}.jpg"))
        preview = m.absolute(f"/preview/{m.token()}.jpg?width=640&crop=smart&s=ab12")
        media = m.tag("img", class_="preview", src=preview, width="400", height="300")
        cached = m.tag("div", "", class_="expando", data_cachedhtml=f"<div>{media}</div>")
        unfold = "<script>document.querySelectorAll('[data-cachedhtml]').forEach(function (e) {"
        unfold += " e.innerHTML = e.getAttribute('data-cachedhtml'); });</script>"
        return f'<div class="thing">{link}{cached}</div>{unfold}'

    m.show(m.each(thing, min(m.count, 5)))


def reddit_new(m: Maker) -> None:
    """Custom elements with a declared shadow tree, and `srcset` with sizes."""

    def post() -> str:
        ref = m.absolute(f"/preview/{m.token()}.jpg?width={{w}}&format=pjpg&auto=webp")
        shown = m.tag(
            "img", src=ref.replace("{w}", "640"), srcset=widths(ref, (320, 640, 960, 1080)),
            sizes="(min-width: 1415px) 750px, (min-width: 768px) 50vw, 100vw", width="640",
        )  # fmt: skip
        inside = m.tag("img", src=m.absolute(m.picture("/styles/{}.png")), width="200")
        shadow = f'<template shadowrootmode="open"><slot></slot>{inside}</template>'
        return (
            f"<shreddit-post>{shadow}<gallery-carousel>{shown}</gallery-carousel></shreddit-post>"
        )

    m.show(m.each(post, min(m.count, 5)))


def telegram(m: Maker) -> None:
    """The preview of a channel: photographs as backgrounds of links, films with a thumbnail."""

    def message() -> str:
        path = m.absolute(m.picture())
        ground = f"display:block;width:400px;height:300px;background-image:url('{path}')"
        photo = m.tag("a", "", class_="photo_wrap", href="http://t.example/c/1", style=ground)
        thumb = f"background-image:url('{m.ref(m.picture('/file/{}'))}')"
        film = m.tag("i", "", class_="video_thumb", style=f"{thumb};display:block;height:200px")
        return f'<div class="message">{photo}{film}<div>{m.words(6)}</div></div>'

    m.show(m.each(message))


def mastodon(m: Maker) -> None:
    """A gallery that a script builds from data in an attribute."""
    media = []
    for _ in range(m.count):
        token = m.token()
        original = m.absolute(f"/media_attachments/files/{token}/original/a.png")
        small = m.absolute(f"/media_attachments/files/{token}/small/a.png")
        media.append({"type": "image", "url": original, "preview_url": small})
    props = json.dumps({"height": 343, "sensitive": False, "media": media})
    place = m.tag("div", "", data_component="MediaGallery", data_props=props)
    script = (
        "<script>document.querySelectorAll('[data-component]').forEach(function (place) {"
        " JSON.parse(place.dataset.props).media.forEach(function (each) {"
        " var shown = new Image(); shown.src = each.url; place.appendChild(shown); }); });</script>"
    )
    m.show(place + script)


def tumblr(m: Maker) -> None:
    """Figures with a `srcset` of many widths; the `src` is one of them."""

    def figure() -> str:
        token = m.token()
        ref = m.absolute(f"/{token}/tumblr_x-1/s{{w}}x1920/a.pnj")
        shown = m.tag(
            "img", src=ref.replace("{w}", "640"), srcset=widths(ref, (75, 250, 500, 640, 1280)),
            sizes="(max-width: 1280px) 100vw, 1280px", loading="lazy",
        )  # fmt: skip
        return f"<figure class=tmblr-full>{shown}</figure>"

    m.show(m.each(figure))


def pins(m: Maker) -> None:
    """Data in a script element, drawn by another script."""
    items = [
        {"id": m.token(), "images": {"orig": {"url": m.absolute(m.picture("/originals/{}.jpg"))}}}
        for _ in range(m.count)
    ]
    data = json.dumps({"resources": items}).replace("/", "\\/")
    m.show(
        f'<div id="root"></div><script id="data" type="application/json">{data}</script><script>'
        "JSON.parse(document.getElementById('data').textContent).resources.forEach(function (e) {"
        " document.getElementById('root').insertAdjacentHTML('beforeend',"
        " '<img width=236 src=\"' + e.images.orig.url + '\">'); });</script>"
    )


def album_attributes(m: Maker) -> None:
    """An album whose thumbnails carry the addresses of the sizes as JSON."""

    def photo() -> str:
        path = m.picture("/v/t1/{}.jpg")
        sizes = json.dumps({"x": [m.absolute(path), 604, 403], "id": m.number})
        ground = f"background-image:url({m.ref(path)});display:block;width:200px;height:150px"
        return m.tag("a", "", style=ground, data_sizes=sizes, href="#", aria_label=m.words(1))

    m.show(m.each(photo))


def embedded_post(m: Maker) -> None:
    """A frame with a post of another site, which has pictures of its own."""
    m.without_relative()
    inner = m.document(
        m.each(lambda: m.tag("img", src=m.ref(m.picture("/e/{}.jpg")), alt="")), bare=True
    )
    frame = m.tag(
        "iframe",
        "",
        src=m.ref(m.add("embed.html", "text/html", inner)),
        width="600",
        height="400",
    )
    m.show(f"<article>{m.words(9)}<blockquote>{frame}</blockquote></article>")


def tube(m: Maker) -> None:
    """A film page: poster, storyboard, and lazily loaded thumbnails of other films."""

    def other() -> str:
        lazy = m.tag(
            "img", class_="js-thumb", data_src=m.ref(m.picture("/videos/{}/12.jpg")),
            src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
            width="320", height="180", data_mediabook="/none.webm",
        )  # fmt: skip
        return m.tag("a", lazy, href=f"/view_video?viewkey={m.rng.randrange(9999)}")

    poster = m.ref(m.picture("/videos/{}/original.jpg"))
    board = m.ref(m.picture("/timeline/{}/S.jpg"))
    film = m.tag("video", "", poster=poster, width="640", height="360", preload="none")
    strip = m.tag("div", "", style=f"height:120px;background:#000 url({board}) 0 -90px no-repeat")
    script = (
        "<script>addEventListener('scroll', load); load(); function load() {"
        " document.querySelectorAll('img.js-thumb').forEach(function (each) {"
        " each.src = each.dataset.src; }); }</script>"
    )
    m.show(f"{film}{strip}{m.each(other)}{script}")


def tube_player(m: Maker) -> None:
    """A player that a script makes from its options, and thumbnails without lazy loading."""
    poster = m.absolute(m.picture("/contents/videos_screenshots/{}/preview.jpg"))
    options = json.dumps({"preview_url": poster, "width": 640})
    thumbs = m.each(
        lambda: m.tag(
            "img", src=m.ref(m.picture("/contents/{}/336x189/1.jpg")), width="336", height="189"
        )
    )
    m.show(
        f"<div id=player></div>{thumbs}<script>var flashvars = {options};"
        "var film = document.createElement('video'); film.poster = flashvars['preview_url'];"
        "film.width = 640; film.height = 360;"
        "document.getElementById('player').appendChild(film);</script>"
    )


def tube_thumbs(m: Maker) -> None:
    """Thumbnails as backgrounds that a script takes from an attribute."""

    def item() -> str:
        ref = m.ref(m.picture("/thumbs/{}/3.webp"))
        return m.tag("span", "", class_="bg", data_bg=ref, style="display:block;height:150px")

    m.show(
        m.each(item) + "<script>document.querySelectorAll('[data-bg]').forEach(function (e) {"
        " e.style.backgroundImage = 'url(' + e.dataset.bg + ')'; });</script>"
    )


STYLES = (
    x_cards, reddit_old, reddit_new, telegram, mastodon, tumblr, pins, album_attributes,
    embedded_post, tube, tube_player, tube_thumbs,
)  # fmt: skip

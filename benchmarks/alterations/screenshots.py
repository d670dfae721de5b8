"""Screenshots of made-up apps that show the photo, most of them with other pictures too."""

from PIL import Image, ImageFilter, ImageOps

from benchmarks.alterations.base import Family, Scene, jpeg
from benchmarks.alterations.drawing import caption, font, handle, pick, words, wrapped
from benchmarks.alterations.interface import DARK, LIGHT, THEMES, PhoneScreen, Theme, within

SCREENSHOTS = Family("screenshot")
_PHONE = (1080, 2160)
_DESKTOP = (1600, 900)


@SCREENSHOTS.kind(THEMES, shows=1, encoder=lambda _theme: jpeg(88))
def chat_screenshot(scene: Scene, theme: Theme) -> Image.Image:
    screen = PhoneScreen(_PHONE, theme, scene.rng)
    screen.y = int(scene.rng.integers(120, 420))
    for picture, mine in ((scene.other, bool(scene.rng.random() < 0.5)), (scene.image, False)):
        size = within(picture, 760, 900)
        left = _PHONE[0] - 40 - size[0] if mine else 40
        # The earlier picture has been partly scrolled out of view.
        top = screen.y - size[1] // 2 if picture is scene.other else screen.y
        screen.photo(picture, left, top, size, 36)
        screen.y = top + size[1] + 24
        for _ in range(int(scene.rng.integers(1, 3))):
            _bubble(screen, mine=bool(scene.rng.random() < 0.4))
    while screen.y < _PHONE[1] - 300:
        _bubble(screen, mine=bool(scene.rng.random() < 0.5))
    screen.bar(0, 220, theme.surface)
    screen.status()
    screen.icon("back", 30, 128, theme.accent)
    screen.avatar(120, 114, 88)
    screen.write((232, 120), handle(scene.rng), 38, theme.text)
    screen.write((232, 166), "online", 28, theme.faint)
    screen.icons(("video", "call"), 128, (860, 1040), theme.accent)
    screen.bar(_PHONE[1] - 190, 190, theme.surface)
    box = (120, _PHONE[1] - 165, 900, _PHONE[1] - 75)
    screen.draw.rounded_rectangle(box, 45, fill=theme.ground)
    screen.icon("plus", 30, _PHONE[1] - 150, theme.accent)
    screen.write((160, _PHONE[1] - 120), "Message", 36, theme.faint, "lm")
    screen.icons(("smile", "camera"), _PHONE[1] - 150, (915, 1055), theme.accent)
    return screen.picture


@SCREENSHOTS.kind(THEMES, shows=1, encoder=lambda _theme: jpeg(88))
def feed_screenshot(scene: Scene, theme: Theme) -> Image.Image:
    screen = PhoneScreen(_PHONE, theme, scene.rng)
    screen.status()
    screen.write((40, 110), "pictures", 60, theme.text)
    screen.icons(("heart", "send"), 116, (860, 1040))
    screen.y = 220
    if scene.rng.random() < 0.6:
        for number in range(6):
            screen.avatar(36 + number * 190, screen.y, 144, ring=True)
            screen.write((108 + number * 190, screen.y + 178), "user", 26, theme.faint, "mm")
        screen.y += 220
    for picture in (scene.image, scene.other):
        screen.account(screen.y, detail="Suggested for you")
        screen.y += 110
        size = within(picture, 1080, 1350)
        screen.photo(picture, (1080 - size[0]) // 2, screen.y, size)
        screen.y += size[1] + 30
        screen.icons(("heart", "comment", "send"), screen.y, (40, 300))
        screen.icon("keep", 980, screen.y, theme.text)
        likes = f"{int(scene.rng.integers(10, 9999)):,} likes"
        screen.write((40, screen.y + 84), likes, 36, theme.text)
        screen.y += 136
        screen.paragraph(40, 1000, int(scene.rng.integers(4, 25)), 34, theme.text)
        screen.write((40, screen.y + 6), "View all comments", 32, theme.faint)
        screen.y += 80
    _navigation(screen, ("home", "search", "plus", "video", "person"))
    return screen.picture


@SCREENSHOTS.kind(THEMES, shows=8, encoder=lambda _theme: jpeg(88))
def gallery_screenshot(scene: Scene, theme: Theme) -> Image.Image:
    """Show the photo at full width, with a strip of thumbnails below."""
    screen = PhoneScreen(_PHONE, theme, scene.rng)
    screen.status()
    screen.icon("back", 30, 126, theme.accent)
    day, hour = int(scene.rng.integers(1, 29)), int(scene.rng.integers(24))
    screen.write((540, 138), f"{day} March", 38, theme.text, "mm")
    screen.write((540, 182), f"{hour}:{int(scene.rng.integers(60)):02}", 28, theme.faint, "mm")
    size = within(scene.image, 1080, 1560)
    screen.photo(scene.image, (1080 - size[0]) // 2, 1010 - size[1] // 2, size)
    for number in range(9):
        picture = scene.image if number == 4 else scene.others[number % len(scene.others)]
        screen.thumbnail(picture, 12 + number * 118, 1836, 112)
    screen.icons(("share", "heart", "info", "bin"), 2020, (60, 1020), theme.accent)
    return screen.picture


@SCREENSHOTS.kind(THEMES, shows=1, encoder=lambda _theme: jpeg(88))
def browser_screenshot(scene: Scene, theme: Theme) -> Image.Image:
    screen = PhoneScreen(_PHONE, theme, scene.rng)
    screen.y = 270
    screen.bar(screen.y, 110, (178, 34, 52))
    screen.icon("menu", 40, screen.y + 26, (255, 255, 255))
    screen.write((540, screen.y + 55), "daily board", 52, (255, 255, 255), "mm")
    screen.y += 140
    screen.paragraph(40, 1000, int(scene.rng.integers(6, 14)), 60, theme.text)
    screen.write((40, screen.y + 8), f"by {handle(scene.rng)}, 3 hours ago", 30, theme.faint)
    screen.y += 70
    if scene.rng.random() < 0.5:
        screen.paragraph(40, 1000, 25, 36, theme.text)
        screen.y += 20
    size = within(scene.image, 1000, 1200)
    screen.photo(scene.image, 40, screen.y, size)
    screen.y += size[1] + 20
    screen.write((40, screen.y), caption(scene.rng), 30, theme.faint)
    screen.y += 60
    screen.paragraph(40, 1000, int(scene.rng.integers(20, 50)), 36, theme.text)
    screen.y += 30
    size = within(scene.other, 1000, 1200)
    screen.photo(scene.other, 40, screen.y, size)
    screen.y += size[1] + 30
    while screen.y < _PHONE[1]:
        screen.paragraph(40, 1000, 40, 36, theme.text)
        screen.y += 30
    screen.bar(0, 250, theme.surface)
    screen.status()
    screen.draw.rounded_rectangle((40, 120, 880, 220), 50, fill=theme.ground)
    screen.write(
        (100, 170), "board.example/t/" + str(scene.rng.integers(9999)), 36, theme.text, "lm"
    )
    screen.icons(("reload", "pages"), 140, (900, 1050))
    _navigation(screen, ("back", "share", "keep", "menu"))
    return screen.picture


@SCREENSHOTS.kind(THEMES, encoder=lambda _theme: jpeg(88))
def story_screenshot(scene: Scene, theme: Theme) -> Image.Image:
    """Show the photo as large as fits, on a blurred copy (light theme) or on black (dark theme)."""
    screen = PhoneScreen(_PHONE, DARK, scene.rng)
    if theme is LIGHT:
        behind = ImageOps.fit(scene.image, (270, 540)).filter(ImageFilter.GaussianBlur(20))
        screen.photo(behind, 0, 0, _PHONE)
    size = within(scene.image, 1080, 1900)
    top = (1960 - size[1]) // 2
    screen.photo(scene.image, (1080 - size[0]) // 2, top, size)
    white = (255, 255, 255)
    parts = int(scene.rng.integers(2, 7))
    for part in range(parts):
        wide = 1040 // parts
        box = (20 + part * wide, 96, 12 + (part + 1) * wide, 101)
        screen.draw.rounded_rectangle(box, 3, fill=white if part < parts // 2 else (150, 150, 150))
    screen.status(white)
    screen.account(122, detail="5 h", ink=white)
    text, letters = caption(scene.rng), font(54)
    wide = round(letters.getlength(text))
    left = int(scene.rng.uniform(20, max(1060 - wide - 60, 21)))
    above = pick(
        scene.rng, (max(260, top - 120), min(1760, top + size[1] + 30), top + size[1] // 2)
    )
    screen.draw.rounded_rectangle((left, above, left + wide + 40, above + 84), 18, fill=white)
    screen.write((left + 20, above + 42), text, 54, (20, 20, 20), "lm")
    screen.draw.rounded_rectangle((40, 1990, 850, 2100), 55, outline=white, width=3)
    screen.write((90, 2045), "Send message", 36, white, "lm")
    screen.icons(("heart", "send"), 2015, (880, 1040), white)
    return screen.picture


@SCREENSHOTS.kind(THEMES, shows=1, encoder=lambda _theme: jpeg(88))
def microblog_screenshot(scene: Scene, theme: Theme) -> Image.Image:
    """Show posts with text above a rounded picture of the same width."""
    screen = PhoneScreen(_PHONE, theme, scene.rng)
    screen.status()
    screen.avatar(40, 110, 80)
    for number, tab in enumerate(("For you", "Following")):
        screen.write((270 + number * 540, 240), tab, 38, theme.text, "mm")
    screen.draw.rectangle((190, 268, 350, 276), fill=theme.accent)
    screen.y = 300
    for picture in (scene.image, scene.other):
        if scene.rng.random() < 0.35:
            _post(screen, None)
        _post(screen, picture)
    while screen.y < _PHONE[1]:
        _post(screen, None)
    _navigation(screen, ("home", "search", "comment", "person"))
    return screen.picture


@SCREENSHOTS.kind(THEMES, shows=2, encoder=lambda _theme: jpeg(88))
def desktop_screenshot(scene: Scene, theme: Theme) -> Image.Image:
    """Show a desktop browser with a forum: a list on the left, pictures on the right."""
    screen = PhoneScreen(_DESKTOP, theme, scene.rng)
    screen.bar(0, 44, (60, 62, 70) if theme is DARK else (214, 218, 226))
    screen.draw.rounded_rectangle((10, 8, 270, 52), 10, fill=theme.surface)
    screen.write((30, 26), words(scene.rng, 3), 18, theme.text, "lm")
    screen.bar(44, 48, theme.surface)
    screen.draw.rounded_rectangle((160, 52, 1400, 84), 16, fill=theme.ground)
    screen.write((180, 68), "https://forum.example/thread", 18, theme.text, "lm")
    screen.bar(92, 60, theme.accent)
    screen.write((40, 122), "forum", 32, (255, 255, 255), "lm")
    screen.write((1560, 122), handle(scene.rng), 20, (255, 255, 255), "rm")
    for number in range(11):
        screen.avatar(36, 180 + number * 64, 40)
        screen.write((90, 200 + number * 64), words(scene.rng, 3), 19, theme.faint, "lm")
    screen.draw.rectangle((330, 170, 1220, 900), fill=theme.surface)
    screen.y = 190
    screen.paragraph(360, 830, int(scene.rng.integers(5, 20)), 24, theme.text)
    screen.y += 12
    size = within(scene.image, 830, 560)
    screen.photo(scene.image, 360, screen.y, size)
    screen.y += size[1] + 16
    while screen.y < _DESKTOP[1]:
        screen.write((360, screen.y), handle(scene.rng), 19, theme.accent)
        screen.y += 30
        screen.paragraph(360, 830, int(scene.rng.integers(5, 30)), 19, theme.text)
        screen.y += 18
    for number, picture in enumerate(scene.others[:2]):
        screen.thumbnail(picture, 1270, 180 + number * 330, 280)
        screen.write((1270, 466 + number * 330), words(scene.rng, 4), 19, theme.text)
    return screen.picture


# This is not counted, because the photo covers less than a tenth of the screen.
@SCREENSHOTS.kind(THEMES, shows=7, encoder=lambda _theme: jpeg(88), counted=False)
def search_results_screenshot(scene: Scene, theme: Theme) -> Image.Image:
    """Show two columns of pictures with words below; the photo comes first."""
    screen = PhoneScreen(_PHONE, theme, scene.rng)
    screen.status()
    screen.draw.rounded_rectangle((40, 110, 1040, 210), 50, fill=theme.surface)
    screen.icon("search", 70, 130, theme.faint)
    screen.write((160, 160), words(scene.rng, 3), 38, theme.text, "lm")
    for number, tab in enumerate(("All", "Images", "Video", "News")):
        screen.write((120 + number * 240, 260), tab, 34, theme.text, "mm")
    screen.draw.rectangle((310, 288, 410, 294), fill=theme.accent)
    shown = [scene.image, *scene.others[:7]]
    for column in range(2):
        screen.y = 330
        while screen.y < _PHONE[1]:
            size = within(shown[0], 510, 2000)
            screen.photo(shown[0], 20 + column * 530, screen.y, size, 24)
            screen.y += size[1] + 14
            shown = [*shown[1:], shown[0]]
            screen.paragraph(30 + column * 530, 480, int(scene.rng.integers(3, 9)), 30, theme.text)
            screen.y += 24
    return screen.picture


def _bubble(screen: PhoneScreen, *, mine: bool) -> None:
    text = words(screen.rng, int(screen.rng.integers(1, 18)))
    lines = wrapped(text, 640, font(38))
    wide = round(max(font(38).getlength(line) for line in lines)) + 60
    high = len(lines) * 50 + 40
    left = 1040 - wide if mine else 40
    fill = screen.theme.accent if mine else screen.theme.surface
    screen.draw.rounded_rectangle((left, screen.y, left + wide, screen.y + high), 34, fill=fill)
    ink = (255, 255, 255) if mine else screen.theme.text
    for number, line in enumerate(lines):
        screen.write((left + 30, screen.y + 18 + number * 50), line, 38, ink)
    screen.y += high + 16


def _post(screen: PhoneScreen, picture: Image.Image | None) -> None:
    screen.account(screen.y + 10, detail="2 h")
    screen.y += 110
    screen.paragraph(152, 880, int(screen.rng.integers(4, 30)), 36, screen.theme.text)
    screen.y += 14
    if picture is not None:
        size = within(picture, 880, 1000)
        screen.photo(picture, 152, screen.y, size, 32)
        screen.y += size[1] + 20
    screen.icons(("comment", "reload", "heart", "share"), screen.y, (152, 1000), screen.theme.faint)
    screen.y += 90
    screen.draw.line((0, screen.y, 1080, screen.y), fill=screen.theme.surface, width=3)
    screen.y += 14


def _navigation(screen: PhoneScreen, names: tuple[str, ...]) -> None:
    screen.bar(_PHONE[1] - 150, 150, screen.theme.ground)
    line = (0, _PHONE[1] - 150, 1080, _PHONE[1] - 150)
    screen.draw.line(line, fill=screen.theme.surface, width=3)
    screen.icons(names, _PHONE[1] - 115, (70, 1010))
    screen.draw.rounded_rectangle(
        (400, _PHONE[1] - 24, 680, _PHONE[1] - 14), 5, fill=screen.theme.text
    )

"""Pictures, decoded and written anew, so that nothing but the picture is left. Runs in the worker.

The only import site of Pillow.
"""

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, ImageOps, ImageSequence, UnidentifiedImageError

from files.problems import Options, Problem

MAX_PIXELS = 80_000_000
MAX_FRAMES = 200
AVATAR_PIXELS = 150
AVATAR_GIF_PIXELS = 250
JPEG_QUALITY = 90
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
_MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
_BROKEN = "It is not a picture that can be opened (JPEG, PNG, GIF and WebP can)."

# Our own limit is stricter than Pillow's; a picture between its two limits is no news.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


def convert(source: Path, target: Path, options: Options) -> Options:
    """Upright, not larger than ``short_side`` × ``long_side``, in the ``format`` wanted.

    ``format`` ``auto`` keeps JPEG and makes PNG of the rest; of an animation its first frame.
    """
    image = _opened(source)
    wanted = options["format"].upper()
    written = ("JPEG" if image.format == "JPEG" else "PNG") if wanted == "AUTO" else wanted
    _shrink(image, options["short_side"], options["long_side"])
    picture = _upright(image, keeps_transparency=written != "JPEG")
    picture.save(target, written, **_saving(written))
    return _described(picture, written)


def make_avatar(source: Path, target: Path, options: Options) -> Options:
    """A square; an animated GIF stays one."""
    image = _opened(source)
    if image.format == "GIF" and getattr(image, "is_animated", False):
        return _animated_avatar(image, target)
    square = ImageOps.fit(_upright(image, keeps_transparency=True), (AVATAR_PIXELS, AVATAR_PIXELS))
    square.save(target, "PNG", optimize=True)
    return _described(square, "PNG")


def _animated_avatar(image: Image.Image, target: Path) -> Options:
    if getattr(image, "n_frames", 1) > MAX_FRAMES:
        raise Problem(f"It has more than {MAX_FRAMES} frames.")
    size = (AVATAR_GIF_PIXELS, AVATAR_GIF_PIXELS)
    frames = [ImageOps.fit(f.convert("RGBA"), size) for f in ImageSequence.Iterator(image)]
    frames[0].save(
        target, "GIF", save_all=True, append_images=frames[1:], loop=0,
        duration=image.info.get("duration", 100), disposal=2,
    )  # fmt: skip
    return _described(frames[0], "GIF")


def _opened(source: Path) -> Image.Image:
    """Only its head is read, so a size that would fill the memory is refused before it does."""
    try:
        image = Image.open(source, formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise Problem(_too_large()) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise Problem(_BROKEN) from error
    if image.width * image.height > MAX_PIXELS:
        raise Problem(_too_large())
    return image


def _too_large() -> str:
    return f"It has more than {MAX_PIXELS // 1_000_000} million pixels."


def _shrink(image: Image.Image, short_side: int, long_side: int) -> None:
    short, long = sorted(image.size)
    scale = min(1.0, short_side / short, long_side / long)
    try:
        if scale < 1:
            # A JPEG is decoded at a fraction of its size where that is enough.
            size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
            image.thumbnail(size)
        else:
            image.load()
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise Problem(_BROKEN) from error


def _upright(image: Image.Image, *, keeps_transparency: bool) -> Image.Image:
    """As people see it: turned as its EXIF says, in sRGB, and without either."""
    try:
        turned = ImageOps.exif_transpose(image)
        profile = turned.info.get("icc_profile")
        has_alpha = turned.has_transparency_data
        plain = turned.convert("RGBA" if has_alpha else "RGB") if turned.mode != "CMYK" else turned
        plain = (
            _in_srgb(plain, profile) if profile else plain.convert("RGBA" if has_alpha else "RGB")
        )
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise Problem(_BROKEN) from error
    if plain.mode == "RGBA" and not keeps_transparency:
        white = Image.new("RGB", plain.size, "white")
        white.paste(plain, mask=plain.getchannel("A"))
        plain = white
    plain.info = {}
    return plain


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        converted = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB"),
            outputMode=mode,
        )  # fmt: skip
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image.convert(mode)  # a profile that means nothing changes no colour
    return converted or image


def _saving(written: str) -> dict[str, Any]:
    return {"PNG": {}, "JPEG": {"quality": JPEG_QUALITY}, "WEBP": {"quality": JPEG_QUALITY}}[
        written
    ]


def _described(image: Image.Image, written: str) -> Options:
    return {
        "width": image.width,
        "height": image.height,
        "media_type": _MEDIA_TYPES[written],
    }

"""Image files as numbers. They are not trusted: only common formats are opened, and only up to a number of pixels."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError
from tidegate.io.input_files import open_input
from tidegate.io.optional import importing

# Pillow opens more formats, some of them with other programs: EPS would start Ghostscript.
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
ENDINGS = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff"}
SIXTEEN_BITS = {"I;16", "I;16L", "I;16B", "I;16N"}
ALPHA = {"RGBA", "RGBa", "LA", "La", "PA"}
COLOURS = {"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"} | ALPHA
TO_EIGHT_BITS = 257  # 65535 / 255


def read_image(path: Path, size: int, where: str = "") -> NDArray[np.float32]:
    """Read an image file: red, green and blue from 0 to 1, (size * size * 3,).

    PNG, JPEG, WebP, TIFF, BMP and GIF are read, of several frames the first, turned as their EXIF orientation says.
    Grey values, also of 1 and 16 bits, palettes and CMYK are converted; what is transparent is shown on white.

    Args:
        path: the file.
        size: the side that the image is resized to, in pixels.
        where: the place that names the file, for messages.

    Raises:
        DataError: the file does not exist, is not a complete image of these formats, has values of another kind, such
            as floating-point numbers, or more than Pillow's limit of 89 million pixels.
        MissingDependencyError: Pillow is not installed.
    """
    with importing("PIL", "Reading image files needs"):
        from PIL import Image, UnidentifiedImageError
    before = f"{where}: " if where else ""
    try:
        opened = open_input(path)
    except DataError as error:
        missing = isinstance(error.__cause__, FileNotFoundError)
        raise DataError(f"{before}there is no image file {path}." if missing else f"{before}{error}") from error
    with opened as file, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.simplefilter("ignore", UserWarning)  # about metadata that are not read
        try:
            with Image.open(file, formats=FORMATS) as image:
                points = _in_colour(image, f"{before}{path}").resize((size, size))
        except DataError:
            raise
        except UnidentifiedImageError as error:
            raise DataError(f"{before}{path} is not a complete image of the formats {', '.join(FORMATS)}.") from error
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise DataError(
                f"{before}{path} is an image of more than {Image.MAX_IMAGE_PIXELS:,} pixels: make it smaller first."
            ) from error
        # Pillow's readers raise whatever their parsing of broken bytes runs into; nothing else is called here.
        except Exception as error:
            what = (str(error) or type(error).__name__).partition("\n")[0]
            raise DataError(f"{before}{path} is not a complete image ({what:.300}).") from error
    return np.asarray(points, np.float32).ravel() / np.float32(255)


def _in_colour(image: Any, name: str) -> Any:
    """The image in red, green and blue of 8 bits."""
    from PIL import Image, ImageOps

    turned = ImageOps.exif_transpose(image)
    mode = turned.mode
    if mode in SIXTEEN_BITS or (mode == "I" and image.format == "PNG"):  # as older versions of Pillow open 16 bits
        values = np.asarray(turned).astype(np.float64) / TO_EIGHT_BITS
        return Image.fromarray(values.round().astype(np.uint8)).convert("RGB")
    if mode not in COLOURS:
        raise DataError(
            f"{name} is an image of mode {mode}, whose values have no known range: save it with 8 or 16 bits a channel."
        )
    if mode in ALPHA or "transparency" in turned.info:
        white = Image.new("RGBA", turned.size, "white")
        return Image.alpha_composite(white, turned.convert("RGBA")).convert("RGB")
    return turned.convert("RGB")

"""Image files: every mode shows what a viewer shows, or is refused by name; hostile ones are refused."""

import io
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.data.images import read_image
from tidegate.errors import DataError

Image = pytest.importorskip("PIL.Image")
SIZE = 8


def shown(path: Path) -> Any:
    return read_image(path, SIZE).reshape(SIZE, SIZE, 3)


@pytest.fixture
def ramp() -> Any:
    return np.tile(np.linspace(0, 255, SIZE).round().astype(np.uint8), (SIZE, 1))


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_sixteen_bits_are_the_ramp_that_eight_are(tmp_path: Path, ramp: Any, ending: str, order: str) -> None:
    Image.fromarray(ramp).save(tmp_path / f"eight.{ending}")
    wide = (ramp.astype(np.uint32) * 257).astype(order)
    if ending == "tif" and order == ">u2":
        image = Image.frombytes("I;16B", (SIZE, SIZE), wide.tobytes())
    else:
        image = Image.fromarray(wide.astype("<u2"))
    image.save(tmp_path / f"sixteen.{ending}")
    np.testing.assert_allclose(shown(tmp_path / f"sixteen.{ending}"), shown(tmp_path / f"eight.{ending}"), atol=0.003)
    np.testing.assert_allclose(shown(tmp_path / f"eight.{ending}")[0, :, 0], ramp[0] / 255, atol=1e-6)


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tif", "bmp", "gif"])
def test_grey_values_are_equal_in_all_formats(tmp_path: Path, ramp: Any, ending: str) -> None:
    Image.fromarray(ramp).convert("RGB").save(tmp_path / f"a.{ending}")
    np.testing.assert_allclose(shown(tmp_path / f"a.{ending}")[0, :, 0], ramp[0] / 255, atol=0.06)


def test_one_bit_palette_and_cmyk(tmp_path: Path, ramp: Any) -> None:
    Image.fromarray(ramp > 127).save(tmp_path / "a.png")
    assert shown(tmp_path / "a.png")[0, :, 1].tolist() == [0] * 4 + [1] * 4
    red = Image.new("RGB", (SIZE, SIZE), (255, 0, 51))
    red.quantize(4).save(tmp_path / "b.png")
    red.convert("CMYK").save(tmp_path / "c.tif")
    for name in ("b.png", "c.tif"):
        np.testing.assert_allclose(shown(tmp_path / name)[3, 3], [1, 0, 0.2], atol=0.01)


def test_what_is_transparent_is_shown_on_white(tmp_path: Path) -> None:
    """Whatever colour stands there: it is not seen."""
    red, blue = (255, 0, 0, 255), (0, 0, 255, 0)
    image = Image.new("RGBA", (SIZE, SIZE), blue)
    image.paste(red, (0, 0, SIZE, SIZE // 2))
    image.save(tmp_path / "a.png")
    image.save(tmp_path / "a.webp", lossless=True)
    image.save(tmp_path / "a.tif")
    image.convert("RGBA").quantize(8).save(tmp_path / "palette.png")
    indexed = image.convert("RGB").quantize(8)
    indexed.save(tmp_path / "a.gif", transparency=indexed.getpixel((0, SIZE - 1)))
    for name in ("a.png", "a.webp", "a.tif", "palette.png", "a.gif"):
        found = shown(tmp_path / name)
        np.testing.assert_allclose(found[0, 0], [1, 0, 0], atol=0.02, err_msg=name)
        np.testing.assert_allclose(found[-1, 0], [1, 1, 1], atol=0.02, err_msg=name)
    grey = Image.merge("LA", [Image.new("L", (SIZE, SIZE), 0), Image.new("L", (SIZE, SIZE), 51)])
    grey.save(tmp_path / "grey.png")
    np.testing.assert_allclose(shown(tmp_path / "grey.png"), 0.8, atol=0.01)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_a_camera_is_followed(tmp_path: Path, orientation: int) -> None:
    """The corner that is white on the upright image is where the orientation says."""
    image = Image.new("RGB", (SIZE, SIZE), "black")
    image.paste("white", (0, 0, SIZE // 2, SIZE // 2))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.jpg", exif=exif, quality=95)
    found = shown(tmp_path / "a.jpg")[:, :, 0]
    # The side of the first row, then that of the first column, as the EXIF standard lists them.
    row, column = ["tl", "tr", "br", "bl", "lt", "rt", "rb", "lb"][orientation - 1]
    bottom, right = "b" in row + column, "r" in row + column
    assert found[-2 if bottom else 1, -2 if right else 1] > 0.9
    assert found.mean() < 0.4


def test_of_several_frames_the_first_is_shown(tmp_path: Path) -> None:
    first, second = (Image.new("RGB", (SIZE, SIZE), colour) for colour in ("white", "black"))
    for name in ("a.gif", "a.tif", "a.png", "a.webp"):
        first.save(tmp_path / name, save_all=True, append_images=[second])
        assert shown(tmp_path / name).min() > 0.98


@pytest.mark.parametrize("mode", ["F", "I", "LAB"])
def test_values_without_a_known_range_are_refused_by_name(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (SIZE, SIZE)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=rf"a\.tif is an image of mode {mode}, whose values have no known range"):
        read_image(tmp_path / "a.tif", SIZE)


def test_formats_that_start_programs_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*arguments: Any, **options: Any) -> None:
        raise AssertionError(f"a program was started: {arguments}")

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(subprocess, "check_call", start)
    head = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n%%BeginPreview\n"
    for name in ("a.eps", "a.png"):
        (tmp_path / name).write_text(head + "showpage\n%%EOF\n")
        with pytest.raises(DataError, match=r"is not a complete image of the formats PNG, JPEG, WEBP, TIFF, BMP, GIF"):
            read_image(tmp_path / name, SIZE)
    Image.new("RGB", (SIZE, SIZE)).save(tmp_path / "b.png", format="PPM")
    with pytest.raises(DataError, match=r"b\.png is not a complete image of the formats"):
        read_image(tmp_path / "b.png", SIZE)


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, side: int) -> None:
    """A PNG file whose header says it is huge, with few bytes of data."""
    raw = io.BytesIO()
    Image.new("L", (2, 2)).save(raw, format="PNG")
    data = bytearray(raw.getvalue())
    data[16:24] = struct.pack(">II", side, side)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(DataError, match=r"a\.png is an image of more than 89,478,485 pixels"):
        read_image(tmp_path / "a.png", SIZE)


def test_a_name_that_no_file_can_have_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"c\.tsv, line 2: .* cannot be the name of a file"):
        read_image(tmp_path / "a\0b.png", SIZE, "c.tsv, line 2")

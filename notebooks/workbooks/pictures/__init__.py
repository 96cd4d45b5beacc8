"""Whether two pictures look the same.

Two renderings of one chart differ in a few pixels where another version of a library draws edges
otherwise. So pictures are compared by what an eye sees: how many pixels have clearly another
colour, and how far all colours are apart.
"""

from __future__ import annotations

from pathlib import Path

MOST_PIXELS = 40_000_000
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
CLEARLY = 64
"""Difference of a colour channel, of 255, from which a pixel has clearly another colour."""
FEW = 50_000
"""One pixel in so many, and at least `ALWAYS`, may have clearly another colour."""
ALWAYS = 4
APART = 0.5
"""Mean difference of all colour channels, of 255, up to which two pictures look the same."""


def compare_pictures(before: Path, after: Path) -> str:
    """Compare two pictures by their pixels, on a white ground.

    Args:
        before: The first file.
        after: The second.

    Returns:
        How they differ, in plain words; empty if they look the same. A picture that can't be read
        differs from any other.
    """
    import numpy as np
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    arrays = []
    for which, path in (("recorded", before), ("produced", after)):
        try:
            with Image.open(path, formats=FORMATS) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    return f"the {which} picture has more than {MOST_PIXELS:,} pixels"
                colours = picture.convert("RGBA")
        except Exception as error:  # noqa: BLE001 (a broken picture can make a decoder raise any)
            return f"the {which} picture can't be read ({type(error).__name__})"
        ground = Image.new("RGBA", colours.size, "white")
        arrays.append(np.asarray(Image.alpha_composite(ground, colours).convert("RGB"), np.int16))
    one, other = arrays
    if one.shape != other.shape:
        sizes = [f"{array.shape[1]} × {array.shape[0]}" for array in arrays]
        return f"{sizes[0]} pixels became {sizes[1]}"
    apart = np.abs(one - other)
    clearly = int(np.count_nonzero(apart.max(axis=2) >= CLEARLY))
    if clearly > max(ALWAYS, apart.shape[0] * apart.shape[1] // FEW):
        return f"{clearly:,} of {apart.shape[0] * apart.shape[1]:,} pixels differ clearly"
    if (mean := float(apart.mean())) > APART:
        return f"its colours are {mean:.1f} of 255 apart on average"
    return ""

"""Fonts with Chinese characters, found in installed wheels or where Debian puts them; the set varies with the machine."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# (package, file in it): wheels that ship a font and little else
_WHEELS = (
    ("cvttf_NotoSansCJK_Regular", "NotoSansCJKtc-Regular.otf"),
    ("paperang_p2_fonts_cjk", "fonts/wqy-microhei.ttc"),
    ("mplfonts", "fonts/NotoSerifCJKsc-Regular.otf"),
    ("mplfonts", "fonts/SimHei.ttf"),
)
_FOLDERS = (Path("/usr/share/fonts"), Path.home() / ".fonts")
_PATTERNS = (
    "**/NotoSerifCJK-Regular.ttc", "**/NotoSansCJK-Regular.ttc", "**/wqy-*.ttc", "**/uming.ttc", "**/ukai.ttc", "**/simsun.tt?",
    "**/simfang.ttf",
)  # fmt: skip


@cache
def chinese_fonts() -> tuple[Path, ...]:
    """The files of all fonts found, at most one of a name; GONGKAI_FONTS names more folders to look in, parted by colons."""
    found: dict[str, Path] = {}
    for package, name in _WHEELS:
        spec = find_spec(package)
        if spec and spec.submodule_search_locations:
            path = Path(next(iter(spec.submodule_search_locations))) / name
            if path.is_file():
                found.setdefault(path.stem, path)
    more = [Path(p) for p in os.environ.get("GONGKAI_FONTS", "").split(":") if p]
    for folder in (*more, *_FOLDERS):
        for pattern in (*_PATTERNS, *(("**/*.otf", "**/*.tt[fc]") if folder in more else ())):
            for path in sorted(folder.glob(pattern)):
                found.setdefault(path.stem, path)
    return tuple(found.values())


@cache
def latin_fonts() -> tuple[Path, ...]:
    """Fonts that digits are printed in where the Chinese font does not lend its own; may be empty."""
    names = ("LiberationSerif-Regular", "LiberationSans-Regular", "DejaVuSerif", "Tinos-Regular")
    found = {path.stem: path for folder in _FOLDERS for name in names for path in folder.glob(f"**/{name}.ttf")}
    return tuple(found[name] for name in sorted(found))

"""Files that a user may have meant: the nearest name beside one that does not exist."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path


def near_file(path: Path) -> str:
    """Suggest a file or directory near to one that does not exist: ``; did you mean 'a/b.yaml'?``, or nothing.

    Parameters
    ----------
    path : Path
        What was asked for. Each of its parts may be misspelt.
    """
    if path.exists():
        return ""
    found = Path(path.anchor)
    for part in path.parts[1 if path.anchor else 0 :]:
        if part == ".." or (found / part).exists():
            found = found / part
            continue
        names = [item.name for item in found.iterdir()] if found.is_dir() else []
        near = get_close_matches(part, names, n=1)
        if not near:
            return ""
        found = found / near[0]
    return f"; did you mean {str(found)!r}?"

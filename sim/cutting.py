"""How the paths of a scenario are cut into blocks."""

from __future__ import annotations


def cut_paths(n_paths: int, block_paths: int) -> list[tuple[int, int]]:
    """First path and number of paths of each block.

    No block has a single path where there are more: numpy adds the legs of a lone path up in another order, which may
    change the last bit, and a path must be the same in any block. A path that would be left over joins the block
    before it.

    Parameters
    ----------
    n_paths : int
        Paths in all.
    block_paths : int
        Paths of a block.

    Examples
    --------
    >>> cut_paths(10, 4)
    [(0, 4), (4, 4), (8, 2)]
    >>> cut_paths(9, 4)
    [(0, 4), (4, 5)]
    """
    size = max(2, block_paths)
    firsts = list(range(0, n_paths, size))
    if len(firsts) > 1 and n_paths - firsts[-1] == 1:
        firsts.pop()
    return [(first, last - first) for first, last in zip(firsts, [*firsts[1:], n_paths], strict=True)]

r"""Strike nodes of the tables: uniform in :math:`y = \operatorname{asinh}(|\ln(K/F)| / \text{deviation})`.

Scaled so, smiles look alike at every tenor and state, near the money and far out, and a uniform cubic B-spline meets
2 bp of implied volatility with few nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from models.protocols import FloatArray


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StrikeGrid:
    """Nodes of the strike axis of one side, from the forward outwards.

    Parameters
    ----------
    n_nodes : int
        Nodes from the forward to ``reach``.
    pad : int
        Nodes past the forward, on the other side: neither side has a kink there.
    reach : float
        Scaled log-moneyness at the last node.
    """

    n_nodes: int = 97
    pad: int = 8
    reach: float = 40.0

    @property
    def step(self) -> float:
        """Step in asinh of the scaled log-moneyness."""
        return float(np.arcsinh(self.reach)) / (self.n_nodes - 1)

    def scaled(self) -> FloatArray:
        """Scaled log-moneyness at all nodes, positive outwards."""
        return np.asarray(np.sinh(np.arange(-self.pad, self.n_nodes + 2) * self.step))

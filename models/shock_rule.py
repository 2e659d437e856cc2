r"""Product integration over one shock: functions are interpolated, the phase of the return is integrated exactly.

.. math:: E[e^{i\omega z} f(z)] \approx \sum_p T_p(\omega) f(z_p), \qquad T_p(\omega) = E[e^{i\omega z} L_p(z)]

with L_p the Lagrange polynomials of Gauss nodes. However fast the phase turns, few nodes will do: as many as f wants.

References
----------
.. [1] P. J. Davis, P. Rabinowitz (1984), "Methods of Numerical Integration", second edition, section 2.10: Filon's
   rule and product integration.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np
from numpy.typing import NDArray

from models.kernels.filtered_transform import transform_table
from models.protocols import FloatArray
from models.sinh_arcsinh import SinhArcsinh, gauss_nodes, normal_panels

ComplexArray = NDArray[np.complex128]

_END = 8.5
_HIGHEST = 80.0
_NEGLIGIBLE = 1e-11


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class ShockRule:
    """Nodes of a shock, and transforms of their basis functions.

    Parameters
    ----------
    nodes : ndarray of shape (n_basis,)
        Shocks at which a function is read.
    step : float
        Distance of the tables' arguments.
    tables : ndarray of complex, shape (n_basis, n)
        Transforms at the arguments 0, step, ..; beyond them that of the shock itself is nil.
    values, chances : ndarray of shape (n_fine,)
        Fine quadrature of the shock.
    """

    nodes: FloatArray
    step: float
    tables: ComplexArray
    values: FloatArray
    chances: FloatArray

    @property
    def limit(self) -> float:
        """Argument beyond which the tables end."""
        return float(self.step * (self.tables.shape[1] - 2))


@lru_cache(maxsize=16)
def shock_rule(law: SinhArcsinh, n_nodes: int, *, is_split: bool, step: float = 0.004) -> ShockRule:
    """Product rule of a shock.

    Parameters
    ----------
    law : SinhArcsinh
        Law of the shock.
    n_nodes : int
        Nodes, on each side of 0 and besides 0 itself where the rule is split.
    is_split : bool
        Whether functions have a kink at 0: then they are polynomials on either side, which meet at 0.
    step : float
        Distance of the tables' arguments.
    """
    kink = min(max(law.normal_at_zero, 1.0 - _END), _END - 1.0)
    sides = [normal_panels(*ends) for ends in ((-_END, kink), (kink, _END))]
    values, chances = law.value(np.concatenate([side[0] for side in sides])), np.concatenate([s[1] for s in sides])
    if is_split:
        parts = [values < 0.0, values > 0.0]
        # Gauss nodes of z times the law leave room for a node at 0
        own = [np.append(gauss_nodes(values[p], chances[p] * np.abs(values[p]), n_nodes), 0.0) for p in parts]
        low, high = (_lagrange(nodes, values) * part for nodes, part in zip(own, parts, strict=True))
        nodes = np.concatenate([own[0], own[1][:-1]])
        basis = np.concatenate([low, high[:-1]])
        basis[n_nodes] += high[-1]
    else:
        nodes = gauss_nodes(values, chances, n_nodes)
        basis = _lagrange(nodes, values)
    whole = np.empty(int(_HIGHEST / step), dtype=np.complex128)
    transform_table(whole, values, chances, step)
    alive = np.flatnonzero(np.abs(whole) > _NEGLIGIBLE)
    tables = np.empty((nodes.size, int(alive[-1]) + 4), dtype=np.complex128)
    for table, row in zip(tables, basis, strict=True):
        transform_table(table, values, chances * row, step)
    return ShockRule(nodes=nodes, step=step, tables=tables, values=values, chances=chances)


def _lagrange(nodes: FloatArray, at: FloatArray) -> FloatArray:
    """Lagrange polynomials of the nodes, (n_nodes, n_at)."""
    rows = []
    for k, node in enumerate(nodes):
        others = np.delete(nodes, k)
        rows.append(np.prod((at[:, None] - others) / (node - others), axis=1))
    return np.stack(rows)

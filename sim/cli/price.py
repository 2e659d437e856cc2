"""The command that prices one SPX or VIX derivative, exactly and from the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sim.cli.app import app
from sim.cli.text import columns, print_json

if TYPE_CHECKING:
    from models.protocols import FloatArray, Model, Pricer

Product = Literal["spx-call", "spx-put", "vix-call", "vix-put", "vix-future", "vix"]
Values = dict[str, tuple[float, str]]

VIX_BUMP = 0.01
"""Relative change of the state in the greeks of VIX derivatives."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be priced.

    Parameters
    ----------
    product : str
        Kind of derivative.
    spot : float
        SPX [index points].
    state : ndarray of shape (n_factors,)
        State of the model.
    sessions : int
        Sessions to expiry.
    strike : float
        Strike [points]; ignored by futures.
    """

    product: Product
    spot: float
    state: FloatArray
    sessions: int
    strike: float

    @property
    def ttm(self) -> float:
        """Time to expiry [years]."""
        from models.protocols import SESSIONS_PER_YEAR

        return self.sessions / SESSIONS_PER_YEAR

    @property
    def is_call(self) -> bool:
        """Whether the option is a call."""
        return self.product.endswith("call")


@app.command()
def price(
    product: Annotated[Product, typer.Argument(help="What to price.")],
    sessions: Annotated[int, typer.Option("--sessions", "-n", min=1, help="Trading sessions to expiry.")] = 30,
    strike: Annotated[float | None, typer.Option("--strike", "-k", help="Strike [points].")] = None,
    delta: Annotated[
        float | None, typer.Option("--delta", help="Instead of the strike, SPX only: 0.2 or 20; the sign follows.")
    ] = None,
    preset: Annotated[str | None, typer.Option("--preset", help="Preset [svcj_index_2018 without --model].")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Model, with all its parameters in -p.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="Model parameter.")
    ] = None,
    spot: Annotated[float, typer.Option("--spot", min=1e-6, help="SPX [points].")] = 4000.0,
    vix: Annotated[float | None, typer.Option("--vix", help="VIX today [points]: sets the state [15].")] = None,
    state: Annotated[list[float] | None, typer.Option("--state", help="State, one option a factor.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Price one SPX or VIX derivative.

    Three columns: exact, by Fourier transform; from the tables that simulations use; and the difference.

    \b
    Examples:
      regimesim price spx-put --delta 20 --sessions 36 --vix 14
      regimesim price vix-call --strike 25 --sessions 21 --preset heston_nandi_index_2018
      regimesim price spx-call --strike 4100 -p kappa_q=2.5 --json
    """  # noqa: D301
    import numpy as np

    from sim.cli.market import make_model, parse_parameters, state_at_vix
    from sim.errors import ConfigError

    if vix is not None and state:
        raise ConfigError("--state must be left out where --vix is given")
    preset = preset if preset is not None or model is not None else "svcj_index_2018"
    made = make_model(model, preset, parse_parameters(parameter or []))
    if state and len(state) != len(made.state_names):
        raise ConfigError(f"--state must be given for each of {', '.join(made.state_names)}, got {len(state)} values")
    for name, value in zip(made.state_names, state or (), strict=False):
        is_variance = name.startswith("variance")
        if not np.isfinite(value) or (is_variance and value < 0.0):
            rule = "finite and >= 0" if is_variance else "finite"
            raise ConfigError(f"--state: {name} must be {rule}, got {value:g}")
    at = np.array(state) if state else state_at_vix(made, 15.0 if vix is None else vix)
    chosen = _strike(made, product, strike, delta, spot, at, sessions)
    asked = Question(product, spot, at, sessions, chosen)
    exact = values(made.exact_pricer(), asked, made)
    table = values(made.tabulated_pricer(), asked, made)
    header = {"model": made.name, "product": product, "sessions": sessions, "strike": chosen, "spot": spot}
    if as_json:
        rows = [
            {"name": name, "unit": unit, "exact": number, "tabulated": table[name][0]}
            for name, (number, unit) in exact.items()
        ]
        print_json({**header, "state": at.tolist(), "values": rows})
        return
    shown = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in header.items()}
    typer.echo("  ".join(f"{name} {value}" for name, value in shown.items() if value is not None))
    lines = [["", "exact", "tabulated", "difference", "unit"]]
    for name, (number, unit) in exact.items():
        other = table[name][0]
        lines.append([name, f"{number:.6f}", f"{other:.6f}", f"{other - number:.1e}", unit])
    typer.echo("\n".join(columns(lines, right=(1, 2, 3))))


def _strike(
    model: Model, product: str, strike: float | None, delta: float | None, spot: float, state: FloatArray, sessions: int
) -> float:
    """Strike that was asked for, itself or by its delta."""
    from models.protocols import SESSIONS_PER_YEAR
    from sim.errors import ConfigError

    if product in ("vix-future", "vix"):
        return 0.0
    if (strike is None) == (delta is None):
        raise ConfigError("either --strike or --delta must be given")
    if strike is not None:
        if strike <= 0.0:
            raise ConfigError(f"--strike must be > 0, got {strike:g}")
        return strike
    assert delta is not None
    if not product.startswith("spx"):
        raise ConfigError("--delta needs an SPX option; VIX options need --strike")
    size = abs(delta) / 100.0 if abs(delta) >= 1.0 else abs(delta)
    if not 0.0 < size < 1.0:
        raise ConfigError(f"--delta must lie between 0 and 1, or 1 and 100, got {delta:g}")
    signed = size if product == "spx-call" else -size
    pricer = model.exact_pricer()
    return float(pricer.strike_for_delta(spot, state, delta=signed, ttm=sessions / SESSIONS_PER_YEAR))


def values(pricer: Pricer, asked: Question, model: Model) -> Values:
    """Price and sensitivities by one pricer: name -> (value, unit)."""
    vix = float(pricer.vix(asked.state))
    result: Values = {"vix": (vix, "points")}
    if asked.product == "vix":
        return result
    if asked.product.startswith("spx"):
        return result | _spx_values(pricer, asked, model)
    return result | _vix_values(pricer, asked)


def _spx_values(pricer: Pricer, asked: Question, model: Model) -> Values:
    from math import exp

    from models.black import implied_volatility

    value = pricer.spx_option(asked.spot, asked.state, strike=asked.strike, ttm=asked.ttm, is_call=asked.is_call)
    forward = asked.spot * exp((model.rate - model.dividend_yield) * asked.ttm)
    undiscounted = value.price * exp(model.rate * asked.ttm)
    volatility = implied_volatility(undiscounted, forward, asked.strike, asked.ttm, is_call=asked.is_call)
    return {
        "price": (float(value.price), "index points"),
        "implied_volatility": (float(volatility), "annual, decimal"),
        "delta": (float(value.delta), "points per SPX point"),
        "vega": (float(value.vega), "points per 0.01 of volatility"),
        "theta": (float(value.theta), "points per session"),
    }


def _vix_values(pricer: Pricer, asked: Question) -> Values:
    def at(state: FloatArray, ttm: float) -> float:
        if asked.product == "vix-future":
            return float(pricer.vix_future(state, ttm))
        return float(pricer.vix_option(state, strike=asked.strike, ttm=ttm, is_call=asked.is_call))

    from models.rows import moved_state

    up, down = (moved_state(pricer, asked.state[:, None], bump)[:, 0] for bump in (VIX_BUMP, -VIX_BUMP))
    moved = float(pricer.vix(up)) - float(pricer.vix(down))
    result = {"price": (at(asked.state, asked.ttm), "VIX points")}
    if asked.product != "vix-future":
        result["future"] = (float(pricer.vix_future(asked.state, asked.ttm)), "VIX points")
    result["vix_delta"] = ((at(up, asked.ttm) - at(down, asked.ttm)) / moved, "points per point of spot VIX")
    if asked.sessions > 1:
        later = asked.ttm * (1.0 - 1.0 / asked.sessions)
        result["theta"] = (at(asked.state, later) - at(asked.state, asked.ttm), "points per session")
    return result

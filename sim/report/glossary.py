"""Terms of the documents behind the rulebook: what is modelled and how, and what is a metaphor."""

from __future__ import annotations

TERMS = {
    "first engine": "the SPX iron condor ladder: sold put and call spreads, a tranche a week",
    "second engine": "a VIX position beside the condor; the documents use the word for several, each is an engine of "
    "its own here: sub_sma5, ratio_backspread, crash_synthetic, temporal_buffer, vix_ladder, self_funding, "
    "delta_neutral",
    "layers": "three stages of the VIX hedge: base (VIX call spread), acceleration (VIX futures and calls), full "
    "defence (SPX put spreads and far VIX calls); each goes on and off by a tree of conditions on signals",
    "rigid and adaptive triggers": "a hedge switched by one level of the VIX future, against one switched by trees of "
    "conditions",
    "risk capital": "sum over open condors of the largest loss: wing width less net credit, times 100, times contracts",
    "near max profit": "an open condor whose profit is at least a stated share of its credit",
    "break-evens": "short put less credit, short call plus credit, at expiry",
    "break-even migration": "how the break-evens of the open condors move from day to day",
    "time-shifting": "rolling a tested condor to a later expiry at the same delta",
    "temporal buffering": "short-dated VIX calls rolled week by week while the VIX is high",
    "temporal theta": "daily income from time value, measured by regime and not assumed",
    "steward and promoter": "two sizing profiles: all hedges under caps, or expansion while VVIX is low",
    "self-funding": "a hedge whose carry in calm markets is not negative; measured, see hedge cost",
    "projected IRR, WACC": "gates on a hedge: its projected return over the next event must exceed the cost of the "
    "margin and premium that it binds",
    "CAPM hedge ratio": "beta of the condor's P&L on the hedge's P&L over a window",
    "conversion, reversal": "a synthetic forward (call less put of one strike) that brings delta back inside a band",
    "A/D line, breadth": "cumulative advances less declines of simulated stocks that share one market factor",
    "macro factors": "correlated mean-reverting series: rate differential, REER, valuation gaps, concentration, REITs; "
    "assumptions, not fits",
    "event days": "FOMC, CPI and PPI by calendar, with a jump of known variance where the experiment turns it on",
    "variance premium": "squared VIX less the variance that the SPX then realises: what sellers of options are paid",
    "equity premium": "expected excess return of the SPX over the short rate",
    "P and Q": "the law that paths follow, and the law that prices options; they differ by the premia only",
    "roll phase": "where in the monthly cycle an engine rolls; fixed, or drawn for each path",
    "session": "a trading day, 1/252 year, for variance, carry and simulation alike",
    "paired difference": "difference of two strategies on the same paths; its error is far smaller than either one's",
    "HFT": "nothing trades fast here; the word enters as half-spreads that widen with the VIX",
}
"""Term -> what it means in this program."""

METAPHORS = {
    "AMM": "automated market maker. No pool quotes prices: options trade at the model's mid and half-spreads",
    "DAO": "organisation that votes on its rules. Nothing votes: the experiment fixes the rules beforehand",
    "MEV": "gain from the order of trades in a block. Nobody trades ahead: fills are at the close",
    "DeFi": "finance on a public ledger. The ledger here is the book of one account at one broker",
    "multi-sig": "several keys for one act. The nearest is a condition that needs several signals at once",
    "IPO": "first sale of a share. Single stocks enter as breadth only, and none is ever new",
    "false binary": "a figure of speech. Nothing is computed",
    "quick ratio": "liquid funds over what is due at once. The nearest that is computed is margin over equity",
}
"""Term -> what it means elsewhere, and what of it is computed here."""

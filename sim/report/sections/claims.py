"""The claim that a run was made for: each measure in each cell with its verdict, and the verdict over all."""

from __future__ import annotations

from sim.claims import judge
from sim.claims.text import claimed_text, compared_text, measured_text, sentence, verdict_text
from sim.report.section import Section
from sim.report.tables import plain_table
from sim.storage import Results

HEADER = ["measure", "compared", "model", "regime", "claimed", "measured [95% interval]", "verdict", "note"]


def has_data(results: Results) -> bool:
    """Whether the run was made for a claim."""
    return bool(results.manifest["config"].get("claim"))


def build(results: Results) -> Section:
    """Table of the claim, judged from the stored results."""
    judgement = judge(results)
    claim, rule = judgement.claim, judgement.claim.decision
    rows = [
        [
            row.measure,
            compared_text(row),
            row.model,
            row.regime,
            f"{claimed_text(row)} ({row.unit})",
            measured_text(row),
            verdict_text(row),
            row.note,
        ]
        for row in judgement.rows
    ]
    corrected = "without a correction" if rule.correction == "none" else f"corrected after {rule.correction.title()}"
    note = (
        f"{claim.text} ({', '.join(claim.source)}). Supported: the interval lies within the claimed range; "
        f"contradicted: outside it; at {rule.level:.0%}, {corrected} for the number of tests. The intervals shown are "
        "those of each measure alone. In brackets: shown beside, the claim does not rest on it."
    )
    table = plain_table(sentence(judgement), HEADER, rows)
    return Section(anchor="claim", title=f"The claim {claim.id}", note=note, tables=[table])

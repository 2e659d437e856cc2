"""Readers of closing prices: the four layouts, the embedded default, and one message for every fault."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.errors import DataError
from sim.history import ClosingPrices, checked_gaps, default_history, join, read_closing_prices, read_history

SHARED = Path(__file__).parents[2] / "shared" / "data"

CBOE = (
    "DATE,OPEN,HIGH,LOW,CLOSE\n01/02/2018,10.9,11.1,9.5,9.77\n01/03/2018,9.5,9.6,8.9,9.15\n01/04/2018,9,9.3,8.9,9.22\n"
)
CBOE_SINGLE = "DATE,VIX\n01/02/2018,9.77\n01/03/2018,9.15\n01/04/2018,9.22\n"
YAHOO = (
    "Date,Open,High,Low,Close,Adj Close,Volume\n2018-01-02,10.9,11.1,9.5,9.77,8.00,0\n"
    "2018-01-03,9.5,9.6,8.9,9.15,8.00,0\n2018-01-04,9,9.3,8.9,9.22,8.00,0\n"
)
STOOQ = (
    "Date,Open,High,Low,Close\r\n2018-01-02,10.9,11.1,9.5,9.77\r\n2018-01-03,9,9,8,9.15\r\n2018-01-04,9,9,8,9.22\r\n"
)
FRED = "DATE,VIXCLS\n2018-01-01,.\n2018-01-02,9.77\n2018-01-03,9.15\n2018-01-04,9.22\n"
FRED_NEW = "observation_date,VIXCLS\n2018-01-01,\n2018-01-02,9.77\n2018-01-03,9.15\n2018-01-04,9.22\n"


def written(folder: Path, text: str, name: str = "closes.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize(
    "text",
    [CBOE, CBOE_SINGLE, YAHOO, STOOQ, FRED, FRED_NEW, "\ufeff" + CBOE],
    ids=["cboe", "cboe-single", "yahoo", "stooq", "fred", "fred-new", "byte-order-mark"],
)
def test_every_layout_gives_the_same_closes(tmp_path: Path, text: str) -> None:
    prices = read_closing_prices(written(tmp_path, text))
    assert [str(day) for day in prices.dates] == ["2018-01-02", "2018-01-03", "2018-01-04"]
    assert prices.close.tolist() == [9.77, 9.15, 9.22]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"closes\.csv: must be a CSV file with a date column.*got an empty file"),
        ("time,value\n1,2\n", r"closes\.csv:1: header must have a date column.*got 'time,value'"),
        ("Date,Open,High\n2018-01-02,1,2\n", r"closes\.csv:1: header must have .*got 'Date,Open,High'"),
        ("DATE,VIXCLS\n", r"closes\.csv: must have at least one close, got a header without values"),
        (CBOE + "01/05/2018,9\n", r"closes\.csv:5: must have 5 columns as its header, got 2"),
        (CBOE + "13/05/2018,9,9,9,9\n", r"closes\.csv:5: DATE must be YYYY-MM-DD or MM/DD/YYYY, got '13/05/2018'"),
        (CBOE + "01/04/2018,9,9,9,9\n", r"closes\.csv:5: DATE must be later than .*2018-01-04\), got 2018-01-04"),
        (CBOE + "01/02/2018,9,9,9,9\n", r"closes\.csv:5: DATE must be later than .*got 2018-01-02"),
        (CBOE + "01/05/2018,9,9,9,-3\n", r"closes\.csv:5: CLOSE on 2018-01-05 must be a finite number > 0, got '-3'"),
        (CBOE + "01/05/2018,9,9,9,0\n", r"CLOSE on 2018-01-05 must be a finite number > 0, got '0'"),
        (CBOE + "01/05/2018,9,9,9,nan\n", r"CLOSE on 2018-01-05 must be a finite number > 0, got 'nan'"),
        (CBOE + "01/05/2018,9,9,9,inf\n", r"CLOSE on 2018-01-05 must be a finite number > 0, got 'inf'"),
        (CBOE + "01/05/2018,9,9,9,.\n", r"CLOSE on 2018-01-05 must be a finite number > 0, got '\.'"),
        (CBOE_SINGLE + "01/05/2018,\n", r"VIX on 2018-01-05 must be a finite number > 0, got ''"),
        (YAHOO + "2018-01-05,9,9,9,null,9,0\n", r"closes\.csv:5: Close on 2018-01-05 must be .*got 'null'"),
        (FRED + "2018-01-05,n/a\n", r"closes\.csv:6: VIXCLS on 2018-01-05 must be a finite number > 0, got 'n/a'"),
    ],
)
def test_every_fault_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_closing_prices(written(tmp_path, text))


def test_a_missing_file_and_a_binary_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv: must be a readable CSV file"):
        read_closing_prices(tmp_path / "nowhere.csv")
    (tmp_path / "blob.csv").write_bytes(b"DATE,VIX\n\xff\xfe\x80,1\n")
    with pytest.raises(DataError, match=r"blob\.csv: must be a readable CSV file in UTF-8"):
        read_closing_prices(tmp_path / "blob.csv")


def test_five_missing_sessions_pass_and_six_do_not(tmp_path: Path) -> None:
    # Missing from 5 January 2018 on: 5, 8, 9, 10, 11 are five sessions, with the 12th six.
    assert read_closing_prices(written(tmp_path, CBOE_SINGLE + "01/12/2018,9.9\n")).close.size == 4
    with pytest.raises(DataError, match=r"at most 5 sessions .*got 6 between 2018-01-04 and 2018-01-16"):
        read_closing_prices(written(tmp_path, CBOE_SINGLE + "01/16/2018,9.9\n"))  # the 15th is a holiday


def test_the_closed_week_of_september_2001_is_no_gap() -> None:
    dates = np.array(["2001-09-10", "2001-09-17"], dtype="datetime64[D]")
    prices = ClosingPrices(dates=dates, close=np.array([1092.54, 1038.77]), source="by hand")
    assert checked_gaps(prices) is prices


def test_vix_values_without_an_spx_close_are_dropped_and_counted(tmp_path: Path) -> None:
    spx = written(tmp_path, "DATE,SP500\n2018-01-02,2695.81\n2018-01-04,2723.99\n2018-01-05,2743.15\n", "spx.csv")
    history = read_history(spx, written(tmp_path, CBOE))
    assert history.vix_dropped == 1  # 3 January
    np.testing.assert_array_equal(history.vix_close, [9.77, 9.22, np.nan])
    np.testing.assert_allclose(history.log_returns, [np.log(2723.99 / 2695.81), np.log(2743.15 / 2723.99)])
    part = history.between("2018-01-03", "2018-01-05")
    assert part.dates.size == 2
    assert "spx.csv" in history.source
    assert "closes.csv" in history.source


def test_series_without_a_common_date_are_refused(tmp_path: Path) -> None:
    spx = written(tmp_path, "DATE,SP500\n2017-01-03,2257.83\n", "spx.csv")
    with pytest.raises(DataError, match=r"spx\.csv \(2017-01-03 to 2017-01-03\) .*must share dates, got none"):
        read_history(spx, written(tmp_path, CBOE))


def test_too_short_for_a_fit_says_how_much_is_there(tmp_path: Path) -> None:
    history = join(*(read_closing_prices(written(tmp_path, CBOE)) for _ in range(2)))
    assert history.require(3, 3) is history
    with pytest.raises(DataError, match=r"at least 500 SPX closes are needed, got 3 \(2018-01-02 to 2018-01-04\)"):
        history.require(500)
    with pytest.raises(DataError, match="at least 4 VIX closes are needed, got 3"):
        history.require(3, 4)


def test_the_embedded_history_holds_well_known_closes() -> None:
    history = default_history()
    close = dict(zip(history.dates.astype(str), history.spx_close, strict=True))
    vix = dict(zip(history.dates.astype(str), history.vix_close, strict=True))
    assert close["2018-12-31"] == pytest.approx(2506.85, abs=0.01)
    assert close["2008-10-15"] == pytest.approx(907.84, abs=0.01)
    assert close["2009-03-09"] == pytest.approx(676.53, abs=0.01)  # low of the crisis
    assert vix["2018-02-05"] == pytest.approx(37.32)
    assert vix["2017-11-03"] == pytest.approx(9.14)  # lowest close up to then
    assert history.dates.size == 5031
    assert str(history.dates[0]) == "1999-01-04"
    assert history.vix_dropped == 2  # 2 and 3 January 2019
    assert np.isfinite(history.vix_close[history.dates >= np.datetime64("2014-01-03")]).all()
    assert np.isnan(history.vix_close[history.dates < np.datetime64("2014-01-03")]).all()
    assert history.log_returns.std() * np.sqrt(252) == pytest.approx(0.19, abs=0.01)


def test_the_embedded_history_agrees_with_another_source() -> None:
    if not (SHARED / "vix_daily.csv").exists():
        pytest.skip(f"no second source at {SHARED}: embedded VIX closes NOT compared")
    other = read_closing_prices(SHARED / "vix_daily.csv")
    history = default_history()
    both = np.isfinite(history.vix_close)
    at = np.searchsorted(other.dates, history.dates[both])
    np.testing.assert_array_equal(other.dates[at], history.dates[both])
    assert np.abs(other.close[at] - history.vix_close[both]).max() < 0.02

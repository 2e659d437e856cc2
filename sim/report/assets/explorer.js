// The path explorer: one path of one scenario under one strategy, day by day.
sections.explorer = function (data) {
  "use strict";
  const panel = document.getElementById("explorer-panel");
  const part = (name) => panel.querySelector('[data-show="' + name + '"]');
  const select = (kind) => panel.querySelector('[data-choose="' + kind + '"]');
  const slider = panel.querySelector("input[type=range]");
  const figure = part("figure");
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#999999"];
  const colourOf = (engine) => COLOURS[data.engines.indexOf(engine) % COLOURS.length];
  const number = (value, digits) => value === null || value === undefined ? "n/a" : value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: digits });
  const usd = (value) => number(value, 0);
  const short = { spx_option: "SPX", vix_option: "VIX", vix_future: "VX", spx_unit: "SPX units", vix_etn: "VIX notes" };
  const reads = (name, rule) => new RegExp("\\b" + name + "\\b").test(rule.formula);
  // the page opens on a signal that a condition reads
  function firstSignal() {
    const read = data.signals.find((signal) => data.rules.some((rule) => reads(signal.name, rule)));
    return read ? read.name : data.signals.length ? data.signals[0].name : null;
  }
  const unitOf = (name) => { const found = data.signals.find((signal) => signal.name === name); return found && found.unit ? " [" + found.unit + "]" : ""; };
  const state = { scenario: Object.keys(data.scenarios)[0], pick: null, strategy: data.strategies[0], signal: firstSignal(), day: 0 };
  const picksOf = (scenario) => data.picks.filter((pick) => data.scenarios[scenario].paths[pick]);
  const path = () => data.scenarios[state.scenario].paths[state.pick];
  const book = () => path().strategies[state.strategy];
  const lastDay = () => path().spot.length - 1;

  // rows of the figure from the top, with their share of the height
  const ALL_ROWS = [["spx", 0.24, "SPX [points]"], ["vix", 0.15, "VIX [points]"], ["signal", 0.13, "signal"], ["rules", 0.08, "conditions"], ["total", 0.15, "P&L [USD]"], ["daily", 0.12, "P&L a day [USD]"], ["margin", 0.13, "margin [% of equity]"]];
  const rowsShown = () => {
    const shown = ALL_ROWS.filter((row) => (row[0] !== "rules" || ruleKeys().length) && (row[0] !== "signal" || state.signal));
    const sum = shown.reduce((total, row) => total + row[1], 0);
    return shown.map((row) => [row[0], row[1] / sum, row[2]]);
  };
  let ROWS = ALL_ROWS;
  const days = () => path().spot.map((_, day) => day);
  const line = (row, y, name, colour, more) => Object.assign({ x: days(), y: y, yaxis: axisOf(row), name: name, mode: "lines", line: { color: colour, width: 1.5 }, hovertemplate: "%{y:,.2f}", showlegend: false }, more || {});
  const axisOf = (row) => { const at = ROWS.findIndex((item) => item[0] === row); return at === 0 ? "y" : "y" + (at + 1); };
  const segments = (lives, level) => {
    const x = [], y = [];
    lives.forEach((life) => { const value = level(life); if (value !== null && value !== undefined) { x.push(life.opened, endOf(life), null); y.push(value, value, null); } });
    return { x: x, y: y };
  };
  const endOf = (life) => life.closed < 0 ? lastDay() : life.closed;
  const soldPut = (life) => life.puts.length > 1 ? life.puts[life.puts.length - 1] : null;
  const soldCall = (life) => life.calls.length > 1 ? life.calls[0] : null;
  const dashed = (level, name, colour, dash) => Object.assign(line("spx", [], name, colour), segments(book().lives, level), { line: { color: colour, width: 1, dash: dash }, hoverinfo: "skip", hovertemplate: null });

  function marks(row, heights, orders, action, symbol, label) {
    const chosen = orders.filter((order) => (action === "open") === (order.action === "open"));
    return { x: chosen.map((order) => order.session), y: chosen.map((order) => heights[order.session]), yaxis: axisOf(row), mode: "markers", name: label, showlegend: false,
      marker: { symbol: symbol, size: 8, color: chosen.map((order) => colourOf(order.engine)), line: { width: 1, color: style("--card") } },
      text: chosen.map((order) => order.engine + ": " + order.action + ", " + order.reason), hovertemplate: "%{text}" };
  }
  function traces() {
    const p = path(), b = book(), orders = b.orders;
    const grey = "#888888";
    const list = [
      line("spx", p.spot, "SPX", style("--ink")),
      dashed(soldPut, "sold puts", "#D55E00", "solid"), dashed(soldCall, "sold calls", "#D55E00", "solid"),
      dashed((life) => life.low, "lower break-evens", "#0072B2", "dot"), dashed((life) => life.high, "upper break-evens", "#0072B2", "dot"),
      marks("spx", p.spot, orders, "open", "triangle-up", "opened"), marks("spx", p.spot, orders, "close", "triangle-down-open", "closed"),
      line("vix", p.vix, "VIX", style("--ink")), line("vix", p.vx1, "VX1", "#0072B2"), line("vix", p.vx2, "VX2", "#56B4E9", { line: { color: "#56B4E9", width: 1.5, dash: "dot" } }),
    ];
    const at = data.signals.findIndex((signal) => signal.name === state.signal);
    if (at >= 0) {
      const values = p.signals[at];
      list.push(line("signal", values, state.signal, "#009E73", { hovertemplate: "%{y:.4g}" }));
      Object.keys(b.held).filter((key) => reads(state.signal, data.rules[key])).forEach((key) => {
        const y = values.map((value, day) => b.held[key].some((span) => span[0] <= day && day <= span[1]) ? value : null);
        const rule = data.rules[key];
        list.push(line("signal", y, rule.engine + " " + rule.field, colourOf(rule.engine), { mode: "markers", marker: { color: colourOf(rule.engine), size: 5 }, hoverinfo: "skip", hovertemplate: null }));
      });
      const hedges = orders.filter((order) => order.engine !== data.engines[0]);
      list.push(marks("signal", values, hedges, "open", "triangle-up", "opened"), marks("signal", values, hedges, "close", "triangle-down-open", "closed"));
    }
    ruleKeys().forEach((key, row) => {
      const rule = data.rules[key], x = [], y = [];
      b.held[key].forEach((span) => { x.push(span[0] - 0.4, span[1] + 0.4, null); y.push(row, row, null); });
      list.push({ x: x, y: y, yaxis: axisOf("rules"), mode: "lines", line: { color: colourOf(rule.engine), width: 7 }, name: rule.engine + " " + rule.field, showlegend: false, hoverinfo: "skip" });
    });
    Object.keys(b.pnl).forEach((engine) => {
      const total = b.pnl[engine];
      list.push(line("total", total, engine, colourOf(engine), { hovertemplate: "%{y:,.0f}", showlegend: true }));
      list.push({ x: days(), y: total.map((value, day) => day ? value - total[day - 1] : value), yaxis: axisOf("daily"), type: "bar", name: engine, marker: { color: colourOf(engine) }, showlegend: false, hovertemplate: "%{y:,.0f}" });
    });
    const start = b.equity[0];
    list.push(line("total", b.equity.map((value) => value - start), "equity", style("--ink"), { hovertemplate: "%{y:,.0f}", line: { color: style("--ink"), width: 2, dash: "dot" }, showlegend: true }));
    list.push(line("margin", b.margin.map((value, day) => b.equity[day] > 0 ? 100 * value / b.equity[day] : null), "margin", "#CC79A7", { fill: "tozeroy", hovertemplate: "%{y:.1f}%" }));
    return list;
  }
  const ruleKeys = () => Object.keys(book().held);
  function layout() {
    const grid = { gridcolor: "rgba(128,128,128,0.25)", zerolinecolor: "rgba(128,128,128,0.5)" };
    const result = { height: 80 + 1000 * ROWS.length / ALL_ROWS.length, modebar: { bgcolor: "rgba(0,0,0,0)", color: "rgba(128,128,128,0.6)", activecolor: "#0072B2" }, margin: { l: 64, r: 12, t: 8, b: 64 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { size: 11, color: style("--ink") },
      hovermode: "x unified", hoversubplots: "axis", hoverlabel: { bgcolor: style("--card"), font: { color: style("--ink") } }, barmode: "relative",
      legend: { orientation: "h", y: -0.045, yanchor: "top", x: 0 }, dragmode: "zoom", shapes: [cursor()] };
    const dates = data.scenarios[state.scenario].dates, step = Math.max(1, Math.round(lastDay() / (figure.clientWidth < 600 ? 3 : 6)));
    const ticks = days().filter((day) => day % step === 0);
    result.xaxis = Object.assign({ anchor: axisOf("margin"), tickvals: ticks, ticktext: ticks.map((day) => day + "<br>" + dates[day]), range: [-0.5, lastDay() + 0.5] }, grid);
    let top = 1;
    ROWS.forEach((row, at) => {
      const bottom = at === ROWS.length - 1 ? 0 : top - row[1];
      const axis = Object.assign({ domain: [Math.max(bottom + 0.012, 0), top - 0.004], title: { text: row[2], font: { size: 10 } }, exponentformat: "SI", anchor: "x" }, grid);
      if (row[0] === "signal" && state.signal) { axis.title.text = state.signal + unitOf(state.signal); }
      if (row[0] === "rules") { axis.tickvals = ruleKeys().map((_, i) => i); axis.ticktext = ruleKeys().map((key) => data.rules[key].field); axis.range = [-0.7, Math.max(ruleKeys().length, 1) - 0.3]; }
      result[at === 0 ? "yaxis" : "yaxis" + (at + 1)] = axis;
      top = bottom;
    });
    return result;
  }
  const cursor = () => ({ type: "line", xref: "x", yref: "paper", x0: state.day, x1: state.day, y0: 0, y1: 1, line: { color: style("--accent"), width: 1.5, dash: "dot" } });

  // tables of the chosen day
  const text = (value) => { const node = document.createElement("span"); node.textContent = value; return node.innerHTML; };
  function table(header, rows, empty) {
    if (!rows.length) { return '<p class="note">' + empty + "</p>"; }
    const head = header.map((name) => "<th class=text>" + text(name) + "</th>").join("");
    return "<table><thead><tr>" + head + "</tr></thead><tbody>" + rows.map((row) => "<tr>" + row.map((cell) => "<td class=" + (String(cell).length > 42 ? "wrap" : "text") + ">" + text(String(cell)) + "</td>").join("") + "</tr>").join("") + "</tbody></table>";
  }
  const contract = (leg) => [short[leg[0]] || leg[0], leg[1] || "", leg[3] === null ? "" : (leg[2] ? leg[2][0].toUpperCase() : "") + leg[3]].filter(Boolean).join(" ");
  function positions() {
    const held = new Map();
    book().orders.filter((order) => order.session <= state.day).forEach((order) => order.legs.forEach((leg) => {
      const key = order.engine + "|" + contract(leg);
      const item = held.get(key) || { engine: order.engine, contract: contract(leg), quantity: 0 };
      item.quantity += leg[4];
      held.set(key, item);
    }));
    return Array.from(held.values()).filter((item) => Math.abs(item.quantity) > 1e-9);
  }
  function showDay() {
    const p = path(), b = book(), day = state.day, before = Math.max(day - 1, 0);
    const date = data.scenarios[state.scenario].dates[day];
    slider.max = lastDay();
    slider.value = day;
    part("day").textContent = "Session " + day + " of " + lastDay() + ", " + date;
    part("title").textContent = state.scenario + ", " + state.pick + " (path " + p.path + "), " + state.strategy + ": terminal P&L " + usd(b.terminal) + " USD";
    const change = 100 * (p.spot[day] / p.spot[before] - 1);
    const rows = [["SPX", number(p.spot[day], 2) + " (" + (change >= 0 ? "+" : "") + number(change, 2) + "%)"], ["VIX, VX1, VX2", [p.vix, p.vx1, p.vx2].map((series) => number(series[day], 2)).join(", ")],
      ["equity [USD]", usd(b.equity[day]) + " (" + usd(b.equity[day] - b.equity[before]) + " today)"], ["margin [USD]", usd(b.margin[day]) + " (" + number(100 * b.margin[day] / b.equity[day], 1) + "%)"]];
    Object.keys(b.pnl).forEach((engine) => rows.push([engine + " [USD]", usd(b.pnl[engine][day]) + " (" + usd(b.pnl[engine][day] - (day ? b.pnl[engine][before] : 0)) + " today)"]));
    data.signals.forEach((signal, i) => rows.push([signal.name, (p.signals[i][day] === null ? "n/a" : String(p.signals[i][day])) + " [" + signal.unit + "]"]));
    part("state").innerHTML = table(["", "close of the day"], rows, "");
    const open = Object.keys(b.held).filter((key) => b.held[key].some((span) => span[0] <= day && day <= span[1])).map((key) => data.rules[key]);
    part("rules").innerHTML = table(["engine", "leads to", "conditions"], open.map((rule) => [rule.engine, rule.field, rule.formula]), 
      data.rules.some((rule) => rule.strategy === state.strategy) ? "None holds today." : "Its engines go by their settings, not by trees of conditions.");
    const orders = b.orders.filter((order) => order.session === day);
    part("orders").innerHTML = table(["engine", "action", "why", "contracts", "cash [USD]", "costs [USD]"], orders.map((order) => [order.engine, order.action,
      order.reason + Object.keys(order.book).map((name) => "; " + name + " " + Number(order.book[name]).toPrecision(4)).join(""),
      order.legs.map((leg) => (leg[4] > 0 ? "+" : "") + leg[4] + " " + contract(leg) + " @ " + number(leg[5], 2)).join(", "), usd(order.cash), usd(order.costs)]), "No orders.");
    const be = b.lives.filter((life) => life.opened <= day && (life.closed < 0 || day < life.closed));
    part("positions").innerHTML = table(["engine", "contract", "quantity"], positions().map((item) => [item.engine, item.contract, (item.quantity > 0 ? "+" : "") + item.quantity]), "No positions.") +
      (be.length ? table(["SPX position", "opened", "break-evens [points]", "distance to SPX"], be.map((life) => [life.engine, "session " + life.opened, [life.low, life.high].map((level) => level === null ? "none" : number(level, 1)).join(" and "),
        [life.low, life.high].map((level) => level === null ? "" : number(100 * (level / p.spot[day] - 1), 1) + "%").filter(Boolean).join(", ")]), "") : "");
    Plotly.react(part("curve"), [{ x: data.tenors, y: p.curve.map((row) => row[day]), mode: "lines+markers", line: { color: "#0072B2" }, name: "today" }, { x: data.tenors, y: p.curve.map((row) => row[0]), mode: "lines", line: { color: "#888888", dash: "dot" }, name: "day 0" }],
      { height: 210, margin: { l: 40, r: 8, t: 6, b: 40 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { size: 11, color: style("--ink") }, showlegend: true, legend: { orientation: "h", x: 0.3, y: 1.1 },
        xaxis: { title: { text: "sessions to expiry" }, tickvals: data.tenors, gridcolor: "rgba(128,128,128,0.25)" }, yaxis: { title: { text: "points" }, gridcolor: "rgba(128,128,128,0.25)" } }, { displayModeBar: false, responsive: true });
  }
  let pending = false;
  function moveCursor() { // at most once a frame, however long a key is held
    showDay();
    if (pending) { return; }
    pending = true;
    requestAnimationFrame(() => { pending = false; Plotly.relayout(figure, { "shapes[0].x0": state.day, "shapes[0].x1": state.day }); });
  }
  function setDay(day) { state.day = Math.min(Math.max(day, 0), lastDay()); moveCursor(); }
  function show() {
    const known = picksOf(state.scenario);
    if (!known.includes(state.pick)) { state.pick = known[0]; }
    panel.querySelectorAll("[data-pick]").forEach((button) => {
      button.disabled = !known.includes(button.dataset.pick);
      button.setAttribute("aria-pressed", String(button.dataset.pick === state.pick));
    });
    ["scenario", "strategy", "signal"].forEach((kind) => { if (select(kind)) { select(kind).value = state[kind]; } });
    state.day = Math.min(state.day, lastDay());
    panel.dataset.path = state.pick;
    ROWS = rowsShown();
    return Plotly.react(figure, traces(), layout(), { responsive: true, displaylogo: false, showSendToCloud: false, modeBarButtonsToRemove: ["lasso2d", "select2d", "sendChartToCloud", "sendDataToCloud", "downloadJson"] }).then(showDay);
  }
  function nextOrder(step) {
    const sessions = book().orders.map((order) => order.session).filter((session) => step > 0 ? session > state.day : session < state.day);
    if (sessions.length) { setDay(step > 0 ? Math.min(...sessions) : Math.max(...sessions)); }
  }
  function nextPath(step) {
    const known = picksOf(state.scenario), at = known.indexOf(state.pick) + step;
    if (at >= 0 && at < known.length) { state.pick = known[at]; show(); }
  }

  const usable = Object.keys(data.scenarios).filter((name) => picksOf(name).length);
  if (!usable.length) { panel.hidden = true; return; }
  state.scenario = usable[0];
  ["scenario", "strategy", "signal"].forEach((kind) => { if (select(kind)) { select(kind).addEventListener("change", (event) => { state[kind] = event.target.value; show(); }); } });
  panel.querySelectorAll("[data-pick]").forEach((button) => button.addEventListener("click", () => { state.pick = button.dataset.pick; show(); }));
  panel.querySelectorAll("[data-step]").forEach((button) => button.addEventListener("click", () => setDay(state.day + Number(button.dataset.step))));
  panel.querySelectorAll("[data-order]").forEach((button) => button.addEventListener("click", () => nextOrder(Number(button.dataset.order))));
  slider.addEventListener("input", () => setDay(Number(slider.value)));
  panel.addEventListener("keydown", (event) => {
    if (event.target.tagName === "SELECT" || event.ctrlKey || event.metaKey || event.altKey) { return; }
    const act = { ArrowLeft: () => event.shiftKey ? nextOrder(-1) : setDay(state.day - 1), ArrowRight: () => event.shiftKey ? nextOrder(1) : setDay(state.day + 1),
      ArrowUp: () => nextPath(-1), ArrowDown: () => nextPath(1), Home: () => setDay(0), End: () => setDay(lastDay()) }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  let started = false;
  new IntersectionObserver((entries, observer) => {
    if (started || !entries.some((entry) => entry.isIntersecting)) { return; }
    started = true;
    observer.disconnect();
    show().then(() => {
      figure.on("plotly_click", (event) => { panel.focus({ preventScroll: true }); setDay(Math.round(event.points[0].x)); });
      panel.dataset.ready = "1";
    });
  }, { rootMargin: "400px" }).observe(panel);
  const again = () => { if (started) { show(); } };
  document.addEventListener("themechange", again);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
};

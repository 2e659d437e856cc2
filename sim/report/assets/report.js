parts.push(function (figures) {
  "use strict";
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const style = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const svgButton = {
    name: "toSvg", title: "Download as SVG", icon: Plotly.Icons.disk,
    click: (node) => Plotly.downloadImage(node, { format: "svg", filename: node.id }),
  };
  // nothing leaves the page: the library's own button would send a figure to its maker's server
  const options = {
    responsive: true, displaylogo: false, displayModeBar: "hover", showSendToCloud: false, showEditInChartStudio: false, modeBarButtonsToAdd: [svgButton],
    modeBarButtonsToRemove: ["lasso2d", "select2d", "sendChartToCloud", "sendDataToCloud", "downloadJson"],
  };
  const theme = () => ({ "font.color": style("--ink"), "hoverlabel.bgcolor": style("--card"), "hoverlabel.font.color": style("--ink") });
  const hiddenStrategies = new Set();

  // figures are drawn when they come near the window, all of them before the page is printed
  function draw(node) {
    const figure = figures[node.id];
    if (!figure || node.dataset.drawn || node.closest("[hidden]")) { return; }
    node.dataset.drawn = "1";
    figure.data.forEach((trace) => { if (hiddenStrategies.has(trace.legendgroup)) { trace.visible = false; } });
    const layout = Object.assign({}, figure.layout);
    layout.font = Object.assign({}, layout.font, { color: style("--ink") });
    layout.hoverlabel = { bgcolor: style("--card"), font: { color: style("--ink") } };
    Plotly.newPlot(node, figure.data, layout, options);
    if (!performance.getEntriesByName("first figure").length) { performance.mark("first figure"); }
  }
  if (!document.querySelector(".plot")) { root.dataset.ready = "1"; }
  const nodes = Array.from(document.querySelectorAll(".plot"));
  nodes.forEach((node) => { node.style.minHeight = ((figures[node.id] || { layout: {} }).layout.height || 300) + "px"; });
  const queue = [];
  const next = () => { if (queue.length) { draw(queue.shift()); setTimeout(next, 0); } };
  const observer = new IntersectionObserver((entries) => {
    const idle = queue.length === 0;
    entries.filter((entry) => entry.isIntersecting && !entry.target.dataset.drawn).forEach((entry) => queue.push(entry.target));
    if (idle) { next(); } // one a turn, so that the page answers while it draws
    root.dataset.ready = "1";
  }, { rootMargin: "600px" });
  nodes.forEach((node) => observer.observe(node));
  window.drawAll = () => { nodes.forEach(draw); return nodes.filter((node) => node.dataset.drawn).length; };
  const drawn = () => nodes.filter((node) => node.dataset.drawn);
  const repaint = () => drawn().forEach((node) => Plotly.relayout(node, theme()));
  dark.addEventListener("change", repaint);
  // figures are as wide as the window's boxes; on paper, A4 across with two to a row, boxes are narrower
  const paperWidth = (node) => (node.closest(".card.full") ? 970 : 470);
  window.addEventListener("beforeprint", () => {
    window.drawAll();
    drawn().forEach((node) => Plotly.relayout(node, { "font.color": "#1b1f24", width: paperWidth(node) }));
  });
  window.addEventListener("afterprint", () => {
    drawn().forEach((node) => Plotly.relayout(node, { width: null, autosize: true }));
    repaint();
  });

  // light or dark, against the system's choice
  const toggle = document.getElementById("theme");
  toggle.addEventListener("click", () => {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
    root.dataset.theme = isDark ? "light" : "dark";
    repaint();
    document.dispatchEvent(new Event("themechange"));
  });

  // one of several panels
  document.querySelectorAll(".switch[data-panels]").forEach((group) => {
    const buttons = Array.from(group.querySelectorAll("button"));
    buttons.forEach((button) => button.addEventListener("click", () => buttons.forEach((other) => {
      other.setAttribute("aria-selected", String(other === button));
      document.getElementById(other.dataset.panel).hidden = other !== button;
    })));
  });

  // which scenarios and strategies are shown
  const chips = Array.from(document.querySelectorAll(".bar button[data-kind]"));
  const shown = (kind) => new Set(chips.filter((chip) => chip.dataset.kind === kind && chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.name));
  const kinds = Array.from(new Set(chips.map((chip) => chip.dataset.kind)));
  function apply() {
    const sets = Object.fromEntries(kinds.map((kind) => [kind, shown(kind)]));
    document.querySelectorAll("[data-scenario], [data-strategy]").forEach((node) => {
      node.hidden = kinds.some((kind) => node.dataset[kind] && !sets[kind].has(node.dataset[kind]));
    });
    hiddenStrategies.clear();
    chips.forEach((chip) => { if (chip.dataset.kind === "strategy" && !sets.strategy.has(chip.dataset.name)) { hiddenStrategies.add(chip.dataset.name); } });
    drawn().filter((node) => !node.closest("[hidden]")).forEach((node) => {
      const visible = node.data.map((trace) => !hiddenStrategies.has(trace.legendgroup));
      if (node.data.some((trace, i) => (trace.visible !== false) !== visible[i])) { Plotly.restyle(node, { visible: visible }); }
      Plotly.Plots.resize(node);
    });
    nodes.filter((node) => !node.dataset.drawn).forEach((node) => { observer.unobserve(node); observer.observe(node); });
  }
  chips.filter((chip) => chip.dataset.kind === "strategy" && chip.getAttribute("aria-pressed") !== "true").forEach((chip) => hiddenStrategies.add(chip.dataset.name));
  chips.forEach((chip) => chip.addEventListener("click", (event) => {
    const same = chips.filter((other) => other.dataset.kind === chip.dataset.kind);
    const on = same.filter((other) => other.getAttribute("aria-pressed") === "true");
    if (event.shiftKey || event.altKey) { // this one alone, or all again
      const alone = on.length === 1 && on[0] === chip;
      same.forEach((other) => other.setAttribute("aria-pressed", String(alone || other === chip)));
    } else {
      const next = chip.getAttribute("aria-pressed") !== "true";
      if (!next && on.length === 1) { return; } // something stays in sight
      chip.setAttribute("aria-pressed", String(next));
    }
    apply();
  }));
  document.querySelectorAll(".bar button[data-all]").forEach((button) => button.addEventListener("click", () => {
    chips.forEach((chip) => { if (chip.dataset.kind === button.dataset.all) { chip.setAttribute("aria-pressed", "true"); } });
    apply();
  }));
});

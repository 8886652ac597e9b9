"use strict";
(() => {
  const root = document.documentElement;
  const fail = (what) => { root.dataset.state = "failed: " + what; };
  window.addEventListener("error", (event) => fail(event.message));
  window.addEventListener("securitypolicyviolation", (event) => fail("refused by the content policy: " + event.violatedDirective));

  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  const MARGIN = { left: 58, right: 12, top: 12, bottom: 22 };

  /* ---- small helpers ---- */
  const node = (name, attributes, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const drawn = (name, attributes, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const number = (value, digits = 6) => {
    if (value === null || value === undefined || !isFinite(value)) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size >= 1e9 || size < 1e-4)) return value.toExponential(2);
    const whole = size < 1 ? 1 : Math.floor(Math.log10(size)) + 1;
    return value.toLocaleString("en-GB", { maximumFractionDigits: Math.max(0, digits - whole), minimumFractionDigits: 0 });
  };
  const percent = (share, digits = 2) => (share === null || share === undefined ? "–" : share.toFixed(digits) + " %");
  const two = (n) => String(n).padStart(2, "0");
  const moment = (ms, step) => {
    const date = new Date(ms);
    const day = date.getUTCFullYear() + "-" + two(date.getUTCMonth() + 1) + "-" + two(date.getUTCDate());
    return step >= 86400000 ? day : day + " " + two(date.getUTCHours()) + ":" + two(date.getUTCMinutes());
  };

  /* ---- state ---- */
  const state = { coin: 0, hidden: {}, from: 0, to: 1, log: false, measure: "mae", over: "rolling", group: 0 };
  const coin = () => data.coins[state.coin];
  const groups = (of) => {
    const found = [];
    of.models.forEach((model, index) => {
      let group = found.find((one) => one.nowcast === model.nowcast && one.horizon === model.horizon);
      if (!group) found.push((group = { nowcast: model.nowcast, horizon: model.horizon, models: [] }));
      group.models.push({ ...model, index });
    });
    return found;
  };
  const groupName = (group) => (group.nowcast ? "nowcast (same bar)" : "forecast " + group.horizon + " ahead");
  const isHidden = (model) => {
    const chosen = state.hidden[model.name];
    if (chosen !== undefined) return chosen;
    return !model.shown;
  };
  const colour = (model) => (model.base ? "naive" : "c" + (model.colour % 10)) + (model.nowcast ? " now" : "");

  /* ---- time ---- */
  const span = () => {
    const times = coin().times;
    const first = times[0], last = times[times.length - 1];
    return [first + (last - first) * state.from, first + (last - first) * state.to];
  };
  const setSpan = (from, to) => {
    const times = coin().times;
    const first = times[0], whole = times[times.length - 1] - first || 1;
    const least = Math.min(1, (8 * coin().interval) / whole);
    state.from = Math.max(0, Math.min((from - first) / whole, 1 - least));
    state.to = Math.min(1, Math.max((to - first) / whole, state.from + least));
    draw();
  };
  const atLeast = (times, moment) => {
    let low = 0, high = times.length;
    while (low < high) { const middle = (low + high) >> 1; if (times[middle] < moment) low = middle + 1; else high = middle; }
    return low;
  };

  /* ---- charts ---- */
  const ticks = (low, high, count) => {
    const raw = (high - low) / count, power = Math.pow(10, Math.floor(Math.log10(raw)));
    const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((k) => k >= raw) || 10 * power;
    const found = [];
    for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(k === 0 ? 0 : k * step);
    return found;
  };
  const logTicks = (low, high) => {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const k of [1, 2, 5]) { const at = k * Math.pow(10, power); if (at >= low && at <= high) found.push(at); }
    }
    return found.length > 1 ? found : ticks(low, high, 4);
  };
  const timeTicks = (from, to, count) => {
    const HOUR = 3600000, DAY = 24 * HOUR;
    const steps = [HOUR / 12, HOUR / 4, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY];
    const step = steps.find((one) => (to - from) / one <= count);
    const found = [];
    if (step) {
      for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push([at, step < DAY ? moment(at, 0).slice(5) : moment(at, DAY).slice(2)]);
      return found;
    }
    const months = [1, 2, 3, 6, 12, 24, 60].find((one) => (to - from) / (one * 30.4 * DAY) <= count) || 120;
    const start = new Date(from);
    let month = Math.ceil((start.getUTCFullYear() * 12 + start.getUTCMonth()) / months) * months;
    for (; ; month += months) {
      const at = Date.UTC(Math.floor(month / 12), month % 12, 1);
      if (at > to) return found;
      if (at >= from) found.push([at, Math.floor(month / 12) + (months >= 12 ? "" : "-" + two((month % 12) + 1))]);
    }
  };

  /* A path through the points in view: within one pixel column only first, lowest, highest and last, so that it stays small and loses no spike. */
  const pathOf = (times, values, x, y, from, to) => {
    const out = [];
    let column = null, low = 0, high = 0, lowAt = 0, highAt = 0, last = 0, open = false;
    const put = (at, value) => { out.push((open ? "L" : "M") + at.toFixed(1) + " " + value.toFixed(1)); open = true; };
    const flush = () => {
      if (column === null) return;
      const inner = [[lowAt, low], [highAt, high]].sort((a, b) => a[0] - b[0]);
      for (const [at, value] of inner) if (at !== last) put(at, value);
      column = null;
    };
    const begin = Math.max(0, atLeast(times, from) - 1);
    for (let i = begin; i < times.length; i++) {
      const value = values[i];
      if (value === null || value === undefined || !isFinite(value)) { flush(); open = false; continue; }
      const at = x(times[i]), height = Math.max(-4000, Math.min(4000, y(value)));
      const here = Math.floor(at);
      if (here !== column) {
        flush();
        put(at, height);
        column = here; low = high = height; lowAt = highAt = at; last = at;
      } else {
        if (height < low) { low = height; lowAt = at; }
        if (height > high) { high = height; highAt = at; }
      }
      if (times[i] > to) break;
    }
    flush();
    return out.join("");
  };

  /* One chart: its curves are { name, css, times, values }; `fit` says which of them set the scale. */
  const chart = (place, height, curves, marks, log, unit) => {
    const width = Math.max(280, place.clientWidth);
    const [from, to] = span();
    let low = Infinity, high = -Infinity;
    for (const curve of curves.filter((one) => one.fit)) {
      const begin = Math.max(0, atLeast(curve.times, from) - 1);
      for (let i = begin; i < curve.times.length && curve.times[i] <= to; i++) {
        const value = curve.values[i];
        if (value !== null && isFinite(value) && (!log || value > 0)) { low = Math.min(low, value); high = Math.max(high, value); }
      }
    }
    if (!(low <= high)) { low = 0; high = 1; }
    if (low === high) { low -= Math.abs(low) * 0.01 || 1; high += Math.abs(high) * 0.01 || 1; }
    const pad = log ? Math.pow(high / low, 0.04) : (high - low) * 0.05;
    [low, high] = log ? [low / pad, high * pad] : [low - pad, high + pad];
    const scale = log ? Math.log : (v) => v;
    const right = width - MARGIN.right, bottom = height - MARGIN.bottom;
    const x = (at) => MARGIN.left + ((at - from) / (to - from)) * (right - MARGIN.left);
    const y = (v) => bottom - ((scale(log ? Math.max(v, 1e-300) : v) - scale(low)) / (scale(high) - scale(low))) * (bottom - MARGIN.top);

    const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": place.dataset.label });
    const clip = place.id + "-clip";
    const clipPath = drawn("clipPath", { id: clip });
    clipPath.append(drawn("rect", { x: MARGIN.left, y: MARGIN.top - 4, width: right - MARGIN.left, height: bottom - MARGIN.top + 4 }));
    svg.append(clipPath);
    for (const at of log ? logTicks(low, high) : ticks(low, high, 5)) {
      svg.append(drawn("path", { class: "grid", d: `M${MARGIN.left} ${y(at).toFixed(1)}H${right}` }));
      svg.append(drawn("text", { x: MARGIN.left - 6, y: y(at) + 4, "text-anchor": "end" }, number(at, 4) + unit));
    }
    for (const [at, name] of timeTicks(from, to, Math.floor(width / 90))) {
      svg.append(drawn("path", { class: "grid", d: `M${x(at).toFixed(1)} ${MARGIN.top}V${bottom}` }));
      const near = x(at) > right - 24;
      svg.append(drawn("text", { x: near ? right : x(at), y: height - 6, "text-anchor": near ? "end" : "middle" }, name));
    }
    const inside = drawn("g", { "clip-path": `url(#${clip})` });
    for (const mark of marks.filter((one) => one.at >= from && one.at <= to)) {
      const at = x(mark.at).toFixed(1);
      const line = drawn("path", { class: "drift", d: `M${at} ${MARGIN.top}V${bottom}` });
      const head = drawn("path", { class: "drift-head", d: `M${at} ${MARGIN.top + 7}l-5 -8h10z` });
      const title = `drift: ${mark.model}, ${mark.detector} (${mark.action}), ${moment(mark.at, 0)}`;
      for (const part of [line, head]) { part.append(drawn("title", {}, title)); inside.append(part); }
    }
    for (const curve of curves) {
      const d = pathOf(curve.times, curve.values, x, y, from, to);
      if (d.includes("L")) inside.append(drawn("path", { class: "curve " + curve.css, d, "data-name": curve.name }));
    }
    svg.append(inside);
    place.replaceChildren(svg);
    pointing(place, svg, { curves, from, to, x, y, width, right, bottom, unit });
  };

  /* Under the pointer: the values of that moment. Dragging with a mouse chooses a stretch of time, a double click shows all again. */
  const pointing = (place, svg, view) => {
    const hair = drawn("path", { class: "hair", d: "" });
    const brush = drawn("rect", { class: "brush", x: 0, y: MARGIN.top, width: 0, height: view.bottom - MARGIN.top });
    const tip = node("div", { class: "tip", hidden: "" });
    svg.append(hair, brush);
    place.append(tip);
    let start = null;
    const where = (event) => {
      const box = svg.getBoundingClientRect();
      return Math.max(MARGIN.left, Math.min(((event.clientX - box.left) * view.width) / box.width, view.right));
    };
    const timeAt = (x) => view.from + ((x - MARGIN.left) / (view.right - MARGIN.left)) * (view.to - view.from);
    svg.addEventListener("pointermove", (event) => {
      const x = where(event), at = timeAt(x);
      hair.setAttribute("d", `M${x.toFixed(1)} ${MARGIN.top}V${view.bottom}`);
      if (start !== null) { brush.setAttribute("x", Math.min(start, x)); brush.setAttribute("width", Math.abs(x - start)); }
      const rows = [];
      let shown = at;
      for (const curve of view.curves) {
        let i = atLeast(curve.times, at);
        if (i > 0 && (i === curve.times.length || at - curve.times[i - 1] < curve.times[i] - at)) i--;
        if (curve.values[i] === null || curve.values[i] === undefined) continue;
        if (!rows.length) shown = curve.times[i];
        if (rows.length < 14) rows.push(node("tr", {}, node("td", {}, curve.name), node("td", {}, number(curve.values[i]) + view.unit)));
      }
      tip.replaceChildren(node("strong", {}, moment(shown, coin().interval)), node("table", {}, ...rows));
      tip.hidden = rows.length === 0;
      if (x > view.width / 2) { tip.style.left = MARGIN.left + 6 + "px"; tip.style.right = "auto"; } else { tip.style.left = "auto"; tip.style.right = MARGIN.right + 6 + "px"; }
    });
    svg.addEventListener("pointerleave", () => { tip.hidden = true; hair.setAttribute("d", ""); });
    svg.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button !== 0) return;
      start = where(event);
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointerup", (event) => {
      if (start === null) return;
      const end = where(event), begin = start;
      start = null;
      brush.setAttribute("width", 0);
      if (Math.abs(end - begin) > 8) setSpan(timeAt(Math.min(begin, end)), timeAt(Math.max(begin, end)));
    });
    svg.addEventListener("dblclick", () => { state.from = 0; state.to = 1; draw(); });
  };

  /* ---- tables ---- */
  const skillCell = (skill) => {
    if (skill === null || skill === undefined) return node("td", {}, "–");
    const text = Math.abs(skill) >= 1000 ? skill.toExponential(1) : (skill >= 0 ? "+" : "−") + Math.abs(skill).toFixed(4);
    return node("td", { class: skill > 0 ? "good" : skill < 0 ? "bad" : "" }, text);
  };
  const heading = (names) => node("tr", {}, ...names.map((name) => node("th", { scope: "col" }, name)));
  const board = (group) => {
    const rows = [...group.models].sort((a, b) => (a.mae ?? Infinity) - (b.mae ?? Infinity));
    const table = node("table", { class: "board" }, heading(["model", "skill", "MAE", "SMAPE", "RMSE", "direction", "R²", "questions"]));
    for (const model of rows) {
      const name = model.name + (model.champion ? " ★" : "");
      const r2 = model.r2 === null ? "–" : Math.abs(model.r2) >= 1000 ? model.r2.toExponential(1) : model.r2.toFixed(4);
      const direction = model.base || model.direction === null ? "–" : percent(model.direction * 100, 1);
      const cells = [number(model.mae), percent(model.smape), number(model.rmse), direction, r2, number(model.n)].map((text) => node("td", {}, text));
      const skill = model.base ? node("td", {}, "0") : skillCell(model.skill);
      table.append(node("tr", model.base ? { class: "base" } : {}, node("td", {}, name), skill, ...cells));
    }
    return node("div", { class: "wide" }, table);
  };
  const overview = () => {
    const place = byId("overview");
    place.replaceChildren();
    const all = data.coins.map((one) => ({ coin: one.name, groups: groups(one) }));
    const kinds = [];
    for (const one of all) for (const group of one.groups) if (!kinds.some((k) => groupName(k) === groupName(group))) kinds.push(group);
    for (const kind of kinds) {
      const names = [];
      const models = (one) => (one.groups.find((group) => groupName(group) === groupName(kind)) || { models: [] }).models;
      for (const one of all) for (const model of models(one)) if (!model.base && !names.includes(model.name)) names.push(model.name);
      const table = node("table", { class: "board" }, heading(["model", ...data.coins.map((one) => one.name)]));
      for (const name of names) {
        const cells = all.map((one) => skillCell(models(one).find((model) => model.name === name)?.skill));
        table.append(node("tr", {}, node("td", {}, name), ...cells));
      }
      place.append(node("h3", { class: "soft" }, groupName(kind)), node("div", { class: "wide" }, table));
    }
  };

  /* ---- controls ---- */
  const choice = (place, options, isChosen, choose) => {
    place.replaceChildren(...options.map(([value, name]) => {
      const button = node("button", { type: "button", "aria-pressed": String(isChosen(value)) }, name);
      button.addEventListener("click", () => { choose(value); draw(); });
      return button;
    }));
  };
  const stretches = () => {
    const bars = (coin().times[coin().times.length - 1] - coin().times[0]) / coin().interval;
    return [["all", "all"], ...[1000, 365, 90, 30].filter((n) => n < bars).map((n) => [n, "last " + n])];
  };
  const chosenStretch = () => {
    if (state.from === 0 && state.to === 1) return "all";
    if (state.to < 1) return null;
    const times = coin().times;
    return Math.round(((1 - state.from) * (times[times.length - 1] - times[0])) / coin().interval);
  };
  const stretch = (count) => {
    const times = coin().times, last = times[times.length - 1];
    state.to = 1;
    state.from = count === "all" ? 0 : Math.max(0, 1 - (count * coin().interval) / (last - times[0] || 1));
  };
  const legend = (of) => {
    const place = byId("models");
    const fixed = [["close", "close"], ["mean", of.mean_name]].map(([css, name]) => {
      const sample = drawn("svg", { width: 22, height: 8, "aria-hidden": "true" });
      sample.append(drawn("path", { class: "curve " + css, d: "M1 4H21" }));
      return node("span", { class: "key" }, sample, name);
    });
    place.replaceChildren(node("div", { class: "row soft" }, ...fixed));
    for (const group of groups(of)) {
      const buttons = group.models.filter((model) => model.prices || !model.base).map((model) => {
        const sample = drawn("svg", { width: 22, height: 8, "aria-hidden": "true" });
        sample.append(drawn("path", { class: "curve " + colour(model), d: "M1 4H21" }));
        const button = node("button", { type: "button", class: "model", "aria-pressed": String(!isHidden(model)) }, sample, model.name);
        button.addEventListener("click", () => { state.hidden[model.name] = !isHidden(model); draw(); });
        return button;
      });
      place.append(node("div", { class: "row" }, node("span", { class: "soft" }, groupName(group)), ...buttons));
      if (!buttons.length) place.lastChild.hidden = true;
    }
  };

  const draw = () => {
    const of = coin(), found = groups(of);
    state.group = Math.min(state.group, found.length - 1);
    choice(byId("coins"), data.coins.map((one, index) => [index, one.name]), (index) => index === state.coin, (index) => { state.coin = index; });
    choice(byId("stretch"), stretches(), (count) => count === chosenStretch(), stretch);
    choice(byId("scale"), [[false, "linear"], [true, "logarithmic"]], (log) => log === state.log, (log) => { state.log = log; });
    choice(byId("groups"), found.map((group, index) => [index, groupName(group)]), (index) => index === state.group, (index) => { state.group = index; });
    choice(byId("measure"), [["mae", "MAE"], ["smape", "SMAPE"], ["skill", "skill against naive"]], (one) => one === state.measure, (one) => { state.measure = one; });
    choice(byId("over"), [["rolling", "last " + data.rolling], ["total", "since the start"]], (one) => one === state.over, (one) => { state.over = one; });
    legend(of);
    const shown = of.models.filter((model) => model.prices && !isHidden(model));
    const prices = [
      ...shown.map((model) => ({ name: model.name, css: colour(model), times: of.times, values: model.prices, fit: false })),
      { name: of.mean_name, css: "mean", times: of.times, values: of.mean, fit: true },
      { name: "close", css: "close", times: of.times, values: of.closes, fit: true },
    ];
    const tall = Math.max(260, Math.min(420, window.innerHeight * 0.5));
    chart(byId("price"), tall, prices, of.drifts, state.log, "");
    const group = found[state.group] || { models: [] };
    const smape = state.measure === "smape";
    const errors = group.models.map((model) => ({
      name: model.name, css: model.base ? "naive" : "c" + (model.colour % 10), times: model.errors.at,
      values: model.errors[state.over + "_" + state.measure], fit: model.sane,
    }));
    const hasSane = errors.some((one) => one.fit);
    chart(byId("errors"), Math.max(220, tall * 0.75), hasSane ? errors : errors.map((one) => ({ ...one, fit: true })), of.drifts, false, smape ? " %" : "");
    const lead = found.filter((one) => !one.nowcast), now = found.filter((one) => one.nowcast);
    const boards = (all) => all.flatMap((one) => [node("p", { class: "soft" }, groupName(one)), board(one)]);
    byId("forecasts").replaceChildren(...boards(lead));
    byId("nowcasts").replaceChildren(...boards(now));
    byId("forecast-part").hidden = !lead.length;
    byId("nowcast-part").hidden = !now.length;
    byId("drifts").textContent = of.drifts.length ? of.drifts.length + " drift alarms, marked by triangles." : "No drift alarm was raised.";
    root.dataset.curves = String(document.querySelectorAll("path.curve[data-name]").length);
  };

  const wanted = decodeURIComponent(location.hash.slice(1));
  const place = data.coins.findIndex((one) => one.name === wanted);
  if (place >= 0) state.coin = place;
  const draws = data.coins.length > 0;
  if (draws && (coin().times.at(-1) - coin().times[0]) / coin().interval > 730) stretch(365);
  if (draws) { draw(); overview(); byId("overview-part").hidden = data.coins.length < 2; }
  let waiting = 0;
  window.addEventListener("resize", () => { cancelAnimationFrame(waiting); if (draws) waiting = requestAnimationFrame(draw); });
  if (!root.dataset.state) root.dataset.state = "ready";
})();

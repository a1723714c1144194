// One field's card: the dial, the chart, the meters and the table.

import { states, chance, count, eventTime, fixed, span } from "./words.js";

const keep = 3000; // points of the chart
const trail = 48; // points behind a tip of the dial
const rows = 12; // rows of the table
const svgNS = "http://www.w3.org/2000/svg";
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const meters = [
  { label: "Coherence", of: effect },
  { label: "False alarms", of: evidence },
  { label: "Heard", of: mass },
  { label: "Agreement", of: chord },
];

// Each meter gives ratio (1 = just enough; more holds), value and need. What holds is the kernel's
// word where the line has its margins; the ratio only draws the bar.
function effect(f, g) {
  const held = f.state === "collapsed";
  const need = held ? g.release : g.threshold;
  return { ratio: f.sync.T2 / need, value: fixed(f.sync.T2, 3), need: held ? `stays collapsed down to ${fixed(need, 2)}` : `needs ${fixed(need, 2)} or more` };
}

function evidence(f, g) {
  const bound = f.evidence.lnP_bound ?? 0;
  const margin = f.margins ? f.margins.first < 0 ? Math.min(f.margins.evidence, f.margins.first) : f.margins.evidence : g.ln_budget - bound;
  const ratio = g.ln_budget < 0 ? 1 - margin / g.ln_budget : 1 + margin;
  const value = bound > -0.7 ? "cannot tell from chance" : `${chance(bound)} looks`;
  return { ratio, holds: margin >= 0, value, need: g.ln_budget < 0 ? `budget: ${chance(g.ln_budget)} or rarer` : "no budget set" };
}

function mass(f, g) {
  const least = Math.min(f.master.mass, f.emissary.mass);
  const ratio = g.mass_min > 0 ? least / g.mass_min : 2;
  return { ratio, holds: f.margins ? f.margins.mass >= 0 : ratio >= 1, value: `${fixed(least, 1)} samples`, need: `needs ${fixed(g.mass_min, 1)} or more` };
}

function chord(f, g) {
  const ratio = f.sync.chord > 0 ? g.chord_max / f.sync.chord : 2;
  return { ratio, holds: f.margins ? f.margins.chord >= 0 : ratio >= 1, value: `${fixed(f.sync.chord, 3)} apart`, need: `at most ${fixed(g.chord_max, 3)}` };
}

export class FieldCard {
  constructor(name) {
    this.name = name;
    this.points = [];
    this.shown = null; // the dial's positions while they glide
    this.root = document.getElementById("t-field").content.firstElementChild.cloneNode(true);
    this.$ = (selector) => this.root.querySelector(selector);
    this.$(".f-name").textContent = name;
    this.$("caption").textContent = `Latest values of ${name}, newest first`;
    this.$(".scroll").setAttribute("aria-label", `Latest values of ${name}`);
    this.$(".values").addEventListener("toggle", () => this.drawTable());
    this.meters = meters.map((m) => {
      const el = document.getElementById("t-meter").content.firstElementChild.cloneNode(true);
      el.querySelector(".m-label").textContent = m.label;
      el.querySelector(".m-bar").setAttribute("aria-label", `${m.label} of ${name}`);
      this.$(".meters").append(el);
      return { ...m, el, part: (c) => el.querySelector(c) };
    });
    this.size = { w: 600, h: 220 };
    new ResizeObserver(([entry]) => {
      this.size = { w: Math.max(200, entry.contentRect.width), h: Math.max(120, entry.contentRect.height) };
      this.drawChart();
    }).observe(this.$(".c-svg"));
  }

  // add takes one line; it returns the state before it, or null for the first.
  add(line) {
    let before = this.line?.state ?? null;
    this.gate = line.gate ?? this.gate;
    const newest = this.points.at(-1);
    if (newest && line.t < newest.t) { // the signal, or its replay, starts anew
      this.points = [];
      before = null;
    }
    if (!newest || line.t !== newest.t) {
      this.points.push({ t: line.t, m: line.master.T2, e: line.emissary.T2, s: line.sync.T2, state: line.state, mT: line.master.T, eT: line.emissary.T });
      if (this.points.length > keep) this.points.shift();
    }
    this.line = line;
    return before;
  }

  range() {
    return this.points.length ? this.points.at(-1).t - this.points[0].t : 0;
  }

  draw() {
    if (!this.line) return;
    this.drawHead();
    this.drawMeters();
    this.drawChart();
    if (this.$(".values").open) this.drawTable();
  }

  drawHead() {
    const f = this.line;
    const [word, say] = states[f.state] ?? [f.state, ""];
    this.root.dataset.state = f.state;
    this.$(".f-chip").textContent = word;
    this.$(".f-say").textContent = say;
    this.$(".f-when").textContent = eventTime(f.t, this.range());
    this.$(".n-master").textContent = fixed(f.master.T2, 3);
    this.$(".n-emissary").textContent = fixed(f.emissary.T2, 3);
    this.$(".n-sync").textContent = fixed(f.sync.T2, 3);
    const deg = (T) => Math.round((Math.atan2(T[1], T[0]) * 180) / Math.PI);
    this.$(".dial svg").setAttribute("aria-label",
      `${this.name}: Master length ${fixed(Math.hypot(...f.master.T), 2)} at ${deg(f.master.T)} degrees, ` +
      `Emissary length ${fixed(Math.hypot(...f.emissary.T), 2)} at ${deg(f.emissary.T)} degrees, ${fixed(f.sync.chord, 2)} apart.`);
  }

  drawMeters() {
    const g = this.gate;
    this.$(".meters").hidden = !g;
    if (!g) return;
    for (const m of this.meters) {
      const { ratio, value, need, holds = ratio >= 1 } = m.of(this.line, g);
      // The mark stands at 80 %: a bar that reaches it holds.
      const fill = Math.round(Math.max(0, Math.min(100, ratio * 80)));
      m.el.dataset.holds = holds;
      m.part(".m-value").textContent = value;
      m.part(".m-need").textContent = need;
      m.part(".m-fill").style.width = `${fill}%`;
      const bar = m.part(".m-bar");
      bar.setAttribute("aria-valuenow", fill);
      bar.setAttribute("aria-valuetext", `${value}, ${need}: ${holds ? "holds" : "does not hold"}`);
    }
    const hours = g.alpha_hour > 0 ? `False-alarm budget: at most one false collapse in ${count(Math.round(1 / g.alpha_hour))} hours. ` : "";
    this.$(".budget").textContent = `${hours}Windows: Master ${span(this.line.master.tau_s * 1e9)}, Emissary ${span(this.line.emissary.tau_s * 1e9)}.`;
  }

  // glide moves the dial towards the newest line; it returns whether there is still way to go.
  glide() {
    if (!this.line) return false;
    const f = this.line;
    const to = [...f.master.T, ...f.emissary.T, ...f.sync.T];
    if (!this.shown || calm.matches) this.shown = to;
    else this.shown = this.shown.map((x, i) => x + 0.2 * (to[i] - x));
    const far = this.shown.some((x, i) => Math.abs(x - to[i]) > 0.002);
    if (!far) this.shown = to;
    this.drawDial(this.shown);
    return far;
  }

  drawDial([mx, my, ex, ey, sx, sy]) {
    const put = (selector, values) => {
      const el = this.$(selector);
      for (const k in values) el.setAttribute(k, values[k]);
    };
    put(".d-arm.master", { x2: mx, y2: -my });
    put(".d-arm.emissary", { x2: ex, y2: -ey });
    put(".d-tip.master", { cx: mx, cy: -my });
    put(".d-tip.emissary", { cx: ex, cy: -ey });
    put(".d-sync", { cx: sx, cy: -sy });
    put(".d-chord", { x1: mx, y1: -my, x2: ex, y2: -ey });
    const last = this.points.slice(-trail);
    const line = (k) => last.map((p) => `${p[k][0].toFixed(3)},${(-p[k][1]).toFixed(3)}`).join(" ");
    put(".d-trail.master", { points: line("mT") });
    put(".d-trail.emissary", { points: line("eT") });
    if (this.gate) {
      const [hi, lo] = [Math.sqrt(this.gate.threshold), Math.sqrt(this.gate.release)];
      put(".d-threshold", { r: hi });
      put(".d-release", { r: lo });
      put(".d-zone", { r: (1 + hi) / 2, "stroke-width": 1 - hi });
    }
  }

  drawChart() {
    const n = this.points.length;
    if (n === 0) return;
    const { w, h } = this.size;
    const box = { l: 30, r: w - 58, t: 10, b: h - 22 };
    const t0 = this.points[0].t;
    const range = this.range() || 1;
    const x = (t) => box.l + ((t - t0) / range) * (box.r - box.l);
    const y = (v) => box.b - v * (box.b - box.t);
    const svg = this.$(".c-svg");
    svg.setAttribute("viewBox", `0 0 ${w} ${h}`);
    const step = Math.max(1, Math.ceil(n / w));
    const some = this.points.filter((_, i) => i % step === 0 || i === n - 1);
    const path = (k) => some.map((p, i) => `${i ? "L" : "M"}${x(p.t).toFixed(1)} ${y(p[k]).toFixed(1)}`).join("");
    this.$(".c-line.master").setAttribute("d", path("m"));
    this.$(".c-line.emissary").setAttribute("d", path("e"));
    this.$(".c-line.sync").setAttribute("d", path("s"));
    this.drawSpans(x, box);
    this.drawGrid(y, box, range);
    const f = this.line;
    svg.setAttribute("aria-label", `Coherence of ${this.name} over ${n} points. Now: Master ${fixed(f.master.T2, 2)}, ` +
      `Emissary ${fixed(f.emissary.T2, 2)}, joint ${fixed(f.sync.T2, 2)}. The table below has the values.`);
  }

  drawSpans(x, box) {
    const spans = [];
    for (const p of this.points) {
      if (p.state !== "collapsed") spans.open = null;
      else if (spans.open) spans.open.to = p.t;
      else spans.push((spans.open = { from: p.t, to: p.t }));
    }
    this.$(".c-spans").replaceChildren(...spans.map((s) =>
      shape("rect", { x: x(s.from), y: box.t, width: Math.max(1, x(s.to) - x(s.from)), height: box.b - box.t })));
  }

  drawGrid(y, box, range) {
    const lines = [0, 0.5, 1].map((v) => shape("line", { x1: box.l, x2: box.r, y1: y(v), y2: y(v) }));
    const texts = [0, 0.5, 1].map((v) => label(box.l - 6, y(v) + 4, v, "end"));
    if (this.gate) {
      const { threshold, release } = this.gate;
      lines.push(shape("line", { x1: box.l, x2: box.r, y1: y(threshold), y2: y(threshold), class: "threshold" }));
      lines.push(shape("line", { x1: box.l, x2: box.r, y1: y(release), y2: y(release), class: "release" }));
      // The lines are close: their names keep a line's height between them.
      const apart = Math.max(0, 14 - (y(release) - y(threshold))) / 2;
      texts.push(label(box.r + 6, y(threshold) + 4 - apart, "collapse", "start"), label(box.r + 6, y(release) + 4 + apart, "release", "start"));
    }
    const [a, b] = [this.points[0].t, this.points.at(-1).t];
    texts.push(label(box.l, box.b + 17, eventTime(a, range), "start"), label(box.r, box.b + 17, eventTime(b, range), "end"));
    this.$(".c-grid").replaceChildren(...lines);
    this.$(".c-text").replaceChildren(...texts);
  }

  drawTable() {
    const range = this.range();
    const step = Math.max(1, Math.floor(this.points.length / 400)); // neighbours hardly differ
    const picked = [];
    for (let i = this.points.length - 1; i >= 0 && picked.length < rows; i -= step) picked.push(this.points[i]);
    this.$("tbody").replaceChildren(...picked.map((p) => {
      const tr = document.createElement("tr");
      for (const text of [eventTime(p.t, range), fixed(p.m, 3), fixed(p.e, 3), fixed(p.s, 3), states[p.state]?.[0] ?? p.state]) {
        tr.insertCell().textContent = text;
      }
      return tr;
    }));
  }
}

function shape(name, attributes) {
  const el = document.createElementNS(svgNS, name);
  for (const k in attributes) el.setAttribute(k, attributes[k]);
  return el;
}

function label(x, y, text, anchor) {
  const el = shape("text", { x, y, "text-anchor": anchor });
  el.textContent = text;
  return el;
}

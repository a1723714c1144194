// Words and numbers as people read them.

export const states = {
  warmup: ["Warming up", "Too little has been heard to judge."],
  accumulating: ["Accumulating", "Heard well, but not coherent enough."],
  collapsed: ["Collapsed", "Coherent: actions that depend on this field may run."],
  dissipating: ["Dissipating", "Coherence was lost: actions that depend on this field wait."],
  stale: ["Stale", "Nothing has been heard for too long."],
};

export const verdicts = {
  collapse: ["Ran", "good"],
  held: ["Held", "wait"],
  dissipate: ["Dissipated", "bad"],
};

const plainCount = new Intl.NumberFormat("en");
export const count = (n) => plainCount.format(n ?? 0);
export const fixed = (x, digits) => (Number.isFinite(x) ? x.toFixed(digits) : "–");

const superscript = (n) => String(n).replace(/[0-9-]/g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"["0123456789-".indexOf(c)]);

// chance says a natural log of a probability: "12 %", "1 in 3 million", "1 in 10¹⁸".
export function chance(lnP) {
  if (!Number.isFinite(lnP)) return "–";
  if (lnP > Math.log(0.01)) return `${Math.round(100 * Math.min(1, Math.exp(lnP)))} %`;
  const log10 = -lnP / Math.LN10;
  for (const [power, word] of [[12, "trillion"], [9, "billion"], [6, "million"], [3, "thousand"]]) {
    if (log10 >= 15) return `1 in 10${superscript(Math.floor(log10))}`;
    if (log10 >= power) return `1 in ${brief(10 ** (log10 - power))} ${word}`;
  }
  return `1 in ${Math.round(10 ** log10)}`;
}

const brief = (x) => (x < 10 ? x.toFixed(1).replace(/\.0$/, "") : String(Math.round(x)));

export function bytes(n) {
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (n < 1000 || unit === "GB") return `${unit === "B" ? n : brief(n)} ${unit}`;
    n /= 1000;
  }
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false });
const date = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric", timeZone: "UTC" });
const month = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", timeZone: "UTC" });

const ms = (ns) => ns / 1e6;
const year = 365.2425 * 86400e9;

// at says an instant of the node's clock, in ns.
export function at(ns) {
  const d = new Date(ms(ns));
  return (Date.now() - d < 86400e3 ? clock : day).format(d);
}

// since says how long ago an instant was.
export function since(ns, now) {
  return `${span(Math.max(0, now - ns))} ago`;
}

export function span(ns) {
  const s = ns / 1e9;
  if (s < 1.5) return "1 s";
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 129600) return `${Math.round(s / 3600)} h`;
  if (s < 730 * 86400) return `${Math.round(s / 86400)} days`;
  return `${brief(s / (year / 1e9))} years`;
}

// eventTime says a sample's own time: a date for records, the clock for the present, and seconds for a
// signal that counts from its own zero.
export function eventTime(t, range) {
  if (t >= 0 && t < 30 * 86400e9) return `${(t / 1e9).toFixed(1)} s`;
  const d = new Date(ms(t));
  if (range > 2 * year) return month.format(d);
  return (Math.abs(Date.now() - d) > 2 * 86400e3 ? date : range > 86400e9 ? day : clock).format(d);
}

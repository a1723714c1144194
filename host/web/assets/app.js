// The page: what the node says goes into a model at once, and onto the screen once a frame.

import { Stream } from "./stream.js";
import { FieldCard } from "./field.js";
import { states, verdicts, at, bytes, count, fixed, since, span } from "./words.js";

const $ = (id) => document.getElementById(id);
const most = 40; // events listed
const secretKey = "becomingone.csrf";

const model = { cards: new Map(), events: [], plugins: new Map(), hooks: new Map(), questions: new Map(), log: null, node: null, skew: 0 };
const dirty = new Set();
let secret = load();

// ---- frames ----

let frame = 0;
function mark(...parts) {
  parts.forEach((p) => dirty.add(p));
  frame ||= requestAnimationFrame(paint);
}

function paint() {
  frame = 0;
  const parts = [...dirty];
  dirty.clear();
  let gliding = false;
  for (const part of parts) {
    if (part instanceof FieldCard) part.draw();
    else painters[part]?.();
  }
  for (const card of model.cards.values()) gliding = card.glide() || gliding;
  if (gliding) mark();
}

const painters = { node: paintNode, events: paintEvents, plugins: paintPlugins, hooks: paintHooks, log: paintLog, questions: paintQuestions, peers: paintPeers };

// now is the node's clock in ns, as far as the page knows it.
const now = () => (Date.now() + model.skew) * 1e6;

// ---- events ----

const takers = {
  field: takeField,
  decision: (d) => addEvent({ id: `d${d.witness_index}`, at: d.at, decision: d }, spoken(d)),
  action: takeAction,
  plugin: (p) => { model.plugins.set(p.name, p); mark("plugins"); },
  hook: (h) => { model.hooks.set(`${h.event}/${h.name}`, h); mark("hooks"); },
  log: (l) => { model.log = l; mark("log"); },
  question: takeQuestion,
  status: takeStatus,
};

function takeField(line) {
  let card = model.cards.get(line.field);
  if (!card) {
    card = new FieldCard(line.field);
    model.cards.set(line.field, card);
    $("fields").append(card.root);
    $("no-fields").hidden = true;
  }
  const before = card.add(line);
  // That a field has heard enough to be judged is not yet news.
  if (before && before !== line.state && !(before === "warmup" && line.state === "accumulating")) {
    const [word, say] = states[line.state] ?? [line.state, ""];
    addEvent({ id: `f${line.field}${line.t}`, at: line.at ?? now(), field: line.field, state: line.state, word, reason: line.reason || say }, `${line.field}: ${word}. ${say}`);
  }
  mark(card);
}

function takeAction(a) {
  if (a.error) addEvent({ id: `a${a.witness_index}`, at: a.at, failed: a }, `${a.action} failed.`);
  const d = model.events.find((e) => e.decision?.witness_index === a.decision);
  if (d) { d.ran = a; mark("events"); }
}

function takeStatus(st) {
  model.node = st;
  model.skew = st.at / 1e6 - Date.now();
  for (const f of st.fields ?? []) {
    const known = model.cards.get(f.field);
    // A status that was overtaken by newer lines still brings the limits.
    if (known?.line && known.line.t > f.t) known.gate = f.gate ?? known.gate;
    else takeField(f);
  }
  for (const d of st.decisions ?? []) addEvent({ id: `d${d.witness_index}`, at: d.at, decision: d });
  model.plugins = new Map((st.plugins ?? []).map((p) => [p.name, p]));
  model.hooks = new Map((st.hooks ?? []).map((h) => [`${h.event}/${h.name}`, h]));
  model.questions = new Map((st.questions ?? []).map((q) => [q.id, q]));
  model.log = st.log;
  mark("node", "plugins", "hooks", "log", "questions", "peers", "events");
}

function takeQuestion(q) {
  if (q.state === "open") {
    model.questions.set(q.id, q);
    if (live) announce(`A question for you: ${q.action}.`);
  } else {
    model.questions.delete(q.id);
  }
  mark("questions");
}

function addEvent(e, say) {
  const i = model.events.findIndex((x) => x.id === e.id);
  if (i >= 0) {
    // The owner's view of a known decision says more than what was shown before pairing.
    model.events[i] = { ...model.events[i], ...e };
    mark("events");
    return;
  }
  model.events.push(e);
  model.events.sort((a, b) => b.at - a.at);
  model.events.length = Math.min(model.events.length, most);
  if (say && live) announce(say);
  mark("events");
}

const spoken = (d) => `${d.action}: ${(verdicts[d.verdict] ?? [d.verdict])[0]}.`;

// announce tells a screen reader, at most once a second and only the newest.
let saying = 0;
let toSay = "";
function announce(text) {
  toSay = text;
  saying ||= setTimeout(() => { saying = 0; $("live").textContent = toSay; }, 1000);
}

// ---- painting ----

function el(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const k in attributes) {
    if (k.startsWith("data-") || k.startsWith("aria-") || k === "scope" || k === "role") e.setAttribute(k, attributes[k]);
    else e[k] = attributes[k];
  }
  e.append(...children.filter((c) => c != null && c !== ""));
  return e;
}

function paintNode() {
  const st = model.node;
  if (!st) return;
  $("node").textContent = [st.name, st.mode === "demo" ? "demo: a recorded signal is played back" : "", st.version, `up ${span(now() - st.started_at)}`].filter(Boolean).join(" · ");
  const owner = st.viewer === "owner";
  $("viewer").textContent = owner
    ? "This page is paired: it shows reasons in full."
    : "Reading only. Reasons that may quote what was said are left out; the pairing link that the node prints at its start shows them.";
  $("unpair").hidden = !owner || !secret;
}

function paintEvents() {
  $("no-events").hidden = model.events.length > 0;
  const list = $("events");
  const old = new Map([...list.children].map((li) => [li.dataset.id, li]));
  list.replaceChildren(...model.events.map((e) => {
    const sign = JSON.stringify(e);
    const li = old.get(e.id);
    if (li && li.sign === sign) return li;
    const open = li?.querySelector("details")?.open;
    const next = eventItem(e);
    next.sign = sign;
    if (open && next.querySelector("details")) next.querySelector("details").open = true;
    return next;
  }));
}

function eventItem(e) {
  const li = el("li", { className: "event", "data-id": e.id });
  const time = el("time", { dateTime: new Date(e.at / 1e6).toISOString() }, at(e.at));
  if (e.field) {
    const tone = { collapsed: "good", dissipating: "bad", stale: "bad" }[e.state] ?? "even";
    li.append(time, el("span", { className: "chip", "data-tone": tone }, e.word), el("p", { className: "what" }, el("b", {}, e.field), el("span", { className: "why" }, e.reason)));
    return li;
  }
  if (e.failed) {
    const f = e.failed;
    li.append(time, el("span", { className: "chip", "data-tone": "bad" }, "Failed"), el("p", { className: "what" }, el("b", {}, f.action), el("span", { className: "why" }, `${f.error.code}: ${f.error.message}`)));
    return li;
  }
  const d = e.decision;
  const [word, tone] = verdicts[d.verdict] ?? [d.verdict, "even"];
  const by = (d.origin ?? "").startsWith("field:") ? `proposed by ${d.origin.slice(6)}` : d.origin ? `proposed by the ${d.origin}` : "";
  const ran = e.ran && !e.ran.error ? `took ${e.ran.duration_us < 1000 ? `${e.ran.duration_us} µs` : `${(e.ran.duration_us / 1000).toFixed(1)} ms`}` : "";
  const what = el("div", { className: "what" }, el("b", {}, d.action), el("span", { className: "quiet" }, [by, ran].filter(Boolean).join(", ")), el("span", { className: "why" }, d.reason));
  if (d.realign) what.append(el("span", { className: "why" }, d.realign));
  if (d.keys?.length) what.append(keysOf(d));
  li.append(time, el("span", { className: "chip", "data-tone": tone }, word), what);
  return li;
}

function keysOf(d) {
  const body = el("tbody", {}, ...d.keys.map((k) => el("tr", {}, el("th", { scope: "row" }, k.name),
    el("td", { "data-holds": k.pass }, k.pass ? "holds" : "missing"), el("td", { className: "num" }, fixed(k.margin, 3)), el("td", {}, k.need))));
  const head = el("thead", {}, el("tr", {}, ...["Key", "", "Margin", "Needs"].map((h) => el("th", { scope: "col" }, h))));
  return el("details", {}, el("summary", {}, `${d.keys.length} ${d.keys.length === 1 ? "key" : "keys"}, log entry ${count(d.witness_index)}`), el("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": `Keys of ${d.action}` }, el("table", { className: "keys" }, head, body)));
}

// grid makes a table of named rows with numbers; an empty one is a sentence.
function grid(into, empty, heads, bad, items) {
  if (items.length === 0) {
    into.replaceChildren(el("p", { className: "empty" }, empty));
    return;
  }
  const head = el("thead", {}, el("tr", {}, ...heads.map((h, i) => el("th", { scope: "col", className: i > 1 ? "num" : "" }, h))));
  const body = el("tbody", {}, ...items.map(([name, sub, state, ...numbers]) => el("tr", {},
    el("th", { scope: "row" }, name, el("span", { className: "sub" }, sub)), el("td", { "data-state": state }, state),
    ...numbers.map((n, i) => el("td", { className: "num", "data-bad": bad.includes(heads[i + 2]) && n > 0 }, typeof n === "number" ? count(n) : n)))));
  into.replaceChildren(el("table", {}, head, body));
}

function paintPlugins() {
  grid($("plugins"), "No plugin is loaded.", ["Name", "State", "Calls", "Failed", "Lost"], ["Failed", "Lost"],
    [...model.plugins.values()].map((p) => [p.name, [p.kind, p.version, p.last_error].filter(Boolean).join(" · "), p.state, p.calls, p.failures, p.dropped]));
}

function paintHooks() {
  grid($("hooks"), "No hook is set.", ["Name", "Event", "Runs", "Failed", "Vetoes"], ["Failed"],
    [...model.hooks.values()].map((h) => [h.name, [h.matcher && `for ${h.matcher}`, h.dropped && `${count(h.dropped)} lost`, h.last_error].filter(Boolean).join(" · "), h.event, h.runs, h.failures, h.blocks]));
}

function paintLog() {
  const l = model.log;
  if (!l) return;
  const facts = [["Entries", count(l.size)]];
  if (l.bytes) facts.push(["On disk", bytes(l.bytes)]);
  facts.push(["Last checkpoint", l.checkpoint_at ? `${since(l.checkpoint_at, now())}, covers ${count(l.checkpoint)}` : "none yet"]);
  if (l.root) facts.push(["Root", `${l.root.slice(0, 16)}…`]);
  $("log").replaceChildren(...facts.map(([k, v]) => el("div", {}, el("dt", {}, k), el("dd", {}, v))));
}

function paintQuestions() {
  const qs = [...model.questions.values()].filter((q) => !q.expires_at || q.expires_at > now());
  $("s-questions").hidden = qs.length === 0;
  const list = $("questions");
  const old = new Map([...list.children].map((li) => [li.dataset.id, li]));
  const owner = model.node?.viewer === "owner";
  list.replaceChildren(...qs.map((q) => {
    const li = old.get(q.id);
    if (li && li.owner === owner && li.at === q.at) return li; // what has the focus stays where it is
    return questionItem(q, owner);
  }));
}

function questionItem(q, owner) {
  const title = el("b", { id: `q-${q.id}` }, q.action);
  const li = el("li", { className: "question", "data-id": q.id }, title);
  li.owner = owner;
  li.at = q.at;
  if (!owner) {
    li.append(el("p", {}, "Pair this page to read the question."), el("p", { className: "quiet" }, `Or answer on a terminal: becomingone approve ${q.id}`));
    return li;
  }
  const args = q.arguments ? JSON.stringify(q.arguments, null, 1) : `${count(q.arguments_bytes ?? 0)} bytes: becomingone witness show ${q.witness_index}`;
  const yes = el("button", { type: "button", className: "yes", "aria-describedby": title.id }, "Yes, once");
  const no = el("button", { type: "button", className: "no", "aria-describedby": title.id }, "No");
  const said = el("p", { className: "quiet", role: "status" });
  for (const [button, word] of [[yes, true], [no, false]]) {
    button.addEventListener("click", () => answer(q, word, [yes, no], said));
  }
  li.append(el("pre", {}, args), el("p", { className: "why" }, q.text ?? ""),
    el("p", { className: "quiet" }, `in session ${q.session}, waits until ${at(q.expires_at)}. A yes executes nothing by itself: the same call passes once when it is made again.`),
    el("div", { className: "answers" }, yes, no), said);
  return li;
}

// answer sends the user's word. The question leaves the page when the node says that it is over.
async function answer(q, yes, buttons, said) {
  buttons.forEach((b) => { b.disabled = true; });
  const reply = await post("/api/v1/approvals", { id: q.id, yes }).catch(() => null);
  const body = await reply?.json().catch(() => null);
  if (reply?.ok) {
    announce(yes ? `Yes to ${q.action}.` : `No to ${q.action}.`);
    model.questions.delete(q.id);
    mark("questions");
    return;
  }
  said.textContent = body?.error?.message ?? "The node does not answer.";
  buttons.forEach((b) => { b.disabled = false; });
}

function paintPeers() {
  const ps = model.node?.peers ?? [];
  $("s-peers").hidden = ps.length === 0;
  grid($("peers"), "", ["Name", "State", "Round trip", "Offset", "|T|²"], [], ps.map((p) => [p.name, p.link, p.state, `${fixed(p.rtt_ms, 1)} ms`, `${fixed(p.offset_us, 0)} µs`, fixed(p.coherence, 2)]));
}

// ---- the connection ----

let live = false;
const headers = () => (secret ? { "X-BecomingOne-CSRF": secret } : {});
const stream = new Stream({ headers, onEvent: (name, data) => takers[name]?.(data), onState });

async function onState(state, info) {
  live = false;
  clearInterval(countdown);
  if (state === "live") {
    await refresh();
    return;
  }
  linkTo("gone", state === "refused" ? "Refused" : "Node gone");
  document.body.classList.add("away");
  const title = info.status === 401 ? "This page may not read this node yet"
    : state === "refused" ? "The node refused this page" : "The node does not answer";
  const text = info.status === 401 ? "Open the pairing link that the node prints when it starts, or ask for one on a terminal."
    : info.message || "It may have been stopped, or the connection was lost. What you see is the last that was heard.";
  const end = Date.now() + info.waitMs;
  const tell = () => { $("retry").textContent = `Try now (${Math.max(0, Math.ceil((end - Date.now()) / 1000))} s)`; };
  notice(title, text, true);
  tell();
  countdown = setInterval(tell, 1000);
}
let countdown = 0;

async function refresh() {
  try {
    const answer = await fetch("/api/v1/status", { headers: headers() });
    const st = await answer.json();
    if (!answer.ok) throw new Error(st?.error?.message ?? "");
    if (st.viewer !== "owner") save("");
    stream.quiet = 2500 * st.heartbeat_s + 5000;
    takeStatus(st);
    live = true;
    $("main").hidden = false; // until here nothing true could be said
    linkTo("live", "Live");
    document.body.classList.remove("away");
    if (!pairNotice) notice("");
  } catch (e) {
    linkTo("gone", "No answer");
    notice("The node did not tell its state", e.message, true);
  }
}

function linkTo(state, text) {
  $("link").dataset.link = state;
  if ($("link-text").textContent !== text) $("link-text").textContent = text;
}

function notice(title, text = "", retry = false) {
  if ($("notice-title").textContent !== title) $("notice-title").textContent = title;
  if ($("notice-text").textContent !== text) $("notice-text").textContent = text;
  $("retry").hidden = !retry;
  $("notice").hidden = !title;
}

$("retry").addEventListener("click", () => stream.now());

// ---- pairing ----

function load() {
  try { return localStorage.getItem(secretKey) ?? ""; } catch { return ""; }
}

function save(value) {
  secret = value;
  try {
    if (value) localStorage.setItem(secretKey, value);
    else localStorage.removeItem(secretKey);
  } catch { /* without storage the pairing lasts as long as the page */ }
}

const post = (path, body) => fetch(path, { method: "POST", headers: { "Content-Type": "application/json", ...headers() }, body: JSON.stringify(body) });

let pairNotice = false;
async function pair() {
  if (!location.hash.startsWith("#pair=")) return;
  const code = location.hash.slice(6);
  history.replaceState(null, "", "/"); // a code does not stay in the history
  const answer = await post("/api/v1/pair", { code }).catch(() => null);
  const body = await answer?.json().catch(() => null);
  if (answer?.ok) {
    save(body.csrf);
    announce("This page is paired.");
  } else {
    pairNotice = true;
    notice("Pairing did not work", body?.error?.message ?? "The node does not answer.");
  }
}

addEventListener("hashchange", async () => {
  pairNotice = false;
  await pair();
  if (!pairNotice && secret) stream.restart();
});

$("unpair").addEventListener("click", async () => {
  await post("/api/v1/unpair", {}).catch(() => null);
  save("");
  model.events = [];
  stream.restart();
});

setInterval(() => live && mark("node", "log", "questions"), 1000);
await pair();
stream.run();

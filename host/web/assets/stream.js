// The event stream, read with fetch: EventSource can neither send a header nor say why it failed.

const first = 500;
const longest = 15000;

// Stream keeps /events open for ever. It tells: onEvent(name, data), onState("live" | "gone" |
// "refused", {waitMs, status, message}).
export class Stream {
  constructor({ headers, onEvent, onState }) {
    Object.assign(this, { headers, onEvent, onState });
    this.last = "";
    this.wait = first;
    this.quiet = 60000; // silence after which the connection counts as dead
    addEventListener("online", () => this.now());
    document.addEventListener("visibilitychange", () => document.hidden || this.now());
  }

  // now cuts a pause short.
  now() {
    this.wake?.();
  }

  // restart drops the connection and comes back with new headers, from the start.
  restart() {
    this.last = "";
    this.abort?.abort();
    this.now();
  }

  async run() {
    for (;;) {
      const why = await this.once();
      const waitMs = why.status === 401 ? longest : this.wait * (0.75 + Math.random() / 2);
      this.wait = Math.min(longest, this.wait * 2);
      this.onState(why.status ? "refused" : "gone", { ...why, waitMs });
      await new Promise((done) => {
        this.wake = done;
        setTimeout(done, waitMs);
      });
      this.wake = null;
    }
  }

  async once() {
    this.abort = new AbortController();
    const abort = this.abort;
    let timer;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), this.quiet);
    };
    try {
      alive();
      const headers = { ...this.headers(), Accept: "text/event-stream" };
      if (this.last) headers["Last-Event-ID"] = this.last;
      const answer = await fetch("/events", { headers, signal: abort.signal });
      if (!answer.ok) {
        const body = await answer.json().catch(() => null);
        return { status: answer.status, message: body?.error?.message ?? "" };
      }
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return {};
        alive();
        rest = this.take(rest + value);
      }
    } catch {
      return {};
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }

  // take handles the whole events of text and returns what is left.
  take(text) {
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      let name = "message";
      let data = "";
      let id = "";
      for (const line of text.slice(0, end).split("\n")) {
        if (line.startsWith("event: ")) name = line.slice(7);
        else if (line.startsWith("data: ")) data = line.slice(6);
        else if (line.startsWith("id: ")) id = line.slice(4);
      }
      if (id) this.last = id;
      if (name === "live") {
        this.wait = first;
        this.onState("live", {});
      } else if (data) {
        this.onEvent(name, JSON.parse(data));
      }
    }
    return text;
  }
}

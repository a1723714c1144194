// hello-as is an action plugin in AssemblyScript: it greets. The same in Go, C and Rust is beside it.
import { Act, Writer, actions } from "../../../../sdk/as/assembly";
export { bo1_alloc, bo1_call } from "../../../../sdk/as/assembly";

const MOST = 100; // characters of a name, as the schema says

actions(
  `{"kind":"action","name":"hello-as","version":"1.0.0","abi":"bo1","actions":[{` +
    `"name":"hello","title":"Hello","description":"Greets somebody by name.",` +
    `"input_schema":{"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":100,` +
    `"description":"whom to greet"}},"required":["name"],"additionalProperties":false},` +
    `"output_schema":{"type":"object","properties":{"greeting":{"type":"string"},"characters":{"type":"integer"},` +
    `"time_ns":{"type":"integer"},"coherence":{"type":"number"}},"required":["greeting","characters","time_ns"]},` +
    `"annotations":{"readOnlyHint":false,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false}}]}`,
  (call: Act, out: Writer): void => {
    if (call.action != "hello") {
      out.fail("unsupported", "action: want hello");
      return;
    }
    const given = call.argument("name");
    const name = given ? given.text() : null;
    const count = name === null ? 0 : characters(name);
    if (name === null || count == 0 || count > MOST) {
      out.fail("invalid", "name: want a string of 1…100 characters");
      return;
    }
    const greeting = "Hello, " + name + "!";
    out.object();
    out.content(greeting);
    out.key("structured");
    out.object();
    out.key("greeting");
    out.text(greeting);
    out.key("characters");
    out.int(count);
    out.key("time_ns");
    out.int(call.timeNs);
    coherence(call, out);
    out.endObject();
    out.endObject();
  },
);

// Unicode code points: a pair of surrogates is one.
function characters(s: string): i32 {
  let n = 0;
  for (let i = 0; i < s.length; i++) if ((s.charCodeAt(i) & 0xfc00) != 0xdc00) n++;
  return n;
}

// Writes |T_sync|² of the field that the call belongs to, if there is one.
function coherence(call: Act, out: Writer): void {
  const state = call.state;
  const pair = state ? state.get("T_sync") : null;
  if (!pair) return;
  const items = pair.items();
  let sum: f64 = 0;
  for (let i = 0; i < 2; i++) {
    const part = items.next() ? items.value : null;
    const v = part ? part.number() : NaN;
    if (isNaN(v)) {
      out.fail("invalid", "state.T_sync: want [re, im]");
      return;
    }
    sum += v * v;
  }
  out.key("coherence");
  out.number(sum);
}

// plugin-name is a plugin for BecomingONE. bo1/index.ts says what there is to call.
import { Act, Writer, actions } from "../bo1";
export { bo1_alloc, bo1_call } from "../bo1";

actions(
  `{"kind":"action","name":"plugin-name","version":"0.1.0","abi":"bo1","actions":[{` +
    `"name":"hello","title":"Hello","description":"Greets somebody by name.",` +
    `"input_schema":{"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":100}},` +
    `"additionalProperties":false},` +
    `"output_schema":{"type":"object","properties":{"greeting":{"type":"string"}},"required":["greeting"]}}]}`,
  (call: Act, out: Writer): void => {
    if (call.action != "hello") {
      out.fail("unsupported", "action: want hello");
      return;
    }
    const given = call.argument("name");
    const name = given ? given.text() : "world";
    if (name === null || !name.length) {
      out.fail("invalid", "name: want a string that is not empty");
      return;
    }
    const greeting = "Hello, " + name + "!";
    out.object();
    out.content(greeting); // for people
    out.key("structured"); // for programs, as output_schema says
    out.object();
    out.key("greeting");
    out.text(greeting);
    out.endObject();
    out.endObject();
  },
);

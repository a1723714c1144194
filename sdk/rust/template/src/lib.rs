//! plugin-name is a plugin for BecomingONE. bo1/src/lib.rs says what there is to call.
#![cfg_attr(target_arch = "wasm32", no_std)]

use bo1::{Act, Error, Json, Plugin, Writer};

struct Hello;

impl Plugin for Hello {
    const DESCRIPTION: &'static str = concat!(
        r#"{"kind":"action","name":"plugin-name","version":"0.1.0","abi":"bo1","actions":[{"#,
        r#""name":"hello","title":"Hello","description":"Greets somebody by name.","#,
        r#""input_schema":{"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":100}},"#,
        r#""additionalProperties":false},"#,
        r#""output_schema":{"type":"object","properties":{"greeting":{"type":"string"}},"required":["greeting"]}}]}"#
    );

    fn act(call: &Act, out: &mut Writer) -> Result<(), Error> {
        if call.action != "hello" {
            return Err(Error::unsupported("action: want hello"));
        }
        let name = match call.arguments.get("name") {
            None => "world",
            Some(given) => Json::text(given).unwrap_or(""),
        };
        if name.is_empty() {
            return Err(Error::invalid("name: want a string that is not empty"));
        }
        let greeting = ["Hello, ", name, "!"];
        out.object(|w| {
            w.content(&greeting); // for people
            w.key("structured").object(|w| w.key("greeting").text_of(&greeting)); // for programs
        });
        Ok(())
    }
}

bo1::plugin!(Hello);
bo1::no_std!();

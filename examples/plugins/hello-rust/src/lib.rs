//! hello-rust is an action plugin in Rust: it greets. The same in Go, C and AssemblyScript is beside it.
#![cfg_attr(target_arch = "wasm32", no_std)]

use bo1::{Act, Error, Json, Plugin, Writer};

struct Hello;

const MOST: usize = 100; // characters of a name, as the schema says

impl Plugin for Hello {
    const DESCRIPTION: &'static str = concat!(
        r#"{"kind":"action","name":"hello-rust","version":"1.0.0","abi":"bo1","actions":[{"#,
        r#""name":"hello","title":"Hello","description":"Greets somebody by name.","#,
        r#""input_schema":{"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":100,"#,
        r#""description":"whom to greet"}},"required":["name"],"additionalProperties":false},"#,
        r#""output_schema":{"type":"object","properties":{"greeting":{"type":"string"},"characters":{"type":"integer"},"#,
        r#""time_ns":{"type":"integer"},"coherence":{"type":"number"}},"required":["greeting","characters","time_ns"]},"#,
        r#""annotations":{"readOnlyHint":false,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false}}]}"#
    );

    fn act(call: &Act, out: &mut Writer) -> Result<(), Error> {
        if call.action != "hello" {
            return Err(Error::unsupported("action: want hello"));
        }
        let name = call.arguments.get("name").and_then(Json::text).unwrap_or("");
        let characters = name.chars().count();
        if characters == 0 || characters > MOST {
            return Err(Error::invalid("name: want a string of 1…100 characters"));
        }
        let coherence = coherence(call.state)?;
        let greeting = ["Hello, ", name, "!"];
        out.object(|w| {
            w.content(&greeting);
            w.key("structured").object(|w| {
                w.key("greeting").text_of(&greeting);
                w.key("characters").uint(characters as u64);
                w.key("time_ns").int(call.time_ns);
                if let Some(c) = coherence {
                    w.key("coherence").number(c);
                }
            });
        });
        Ok(())
    }
}

/// |T_sync|² of the field that the call belongs to, if there is one.
fn coherence(state: Option<Json>) -> Result<Option<f64>, Error> {
    const FAULT: Error = Error::invalid("state.T_sync: want [re, im]");
    let pair = match state.and_then(|s| s.get("T_sync")) {
        Some(pair) => pair,
        None => return Ok(None),
    };
    let mut items = pair.items();
    let mut part = || items.next().flatten().and_then(Json::number).ok_or(FAULT);
    let (re, im) = (part()?, part()?);
    Ok(Some(re * re + im * im))
}

bo1::plugin!(Hello);
bo1::no_std!();

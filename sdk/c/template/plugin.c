/* plugin-name is a plugin for BecomingONE. bo1/bo1.h says what there is to call. */
#include "bo1.h"

static const char description[] =
	"{\"kind\":\"action\",\"name\":\"plugin-name\",\"version\":\"0.1.0\",\"abi\":\"bo1\",\"actions\":[{"
	"\"name\":\"hello\",\"title\":\"Hello\",\"description\":\"Greets somebody by name.\","
	"\"input_schema\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":100}},"
	"\"additionalProperties\":false},"
	"\"output_schema\":{\"type\":\"object\",\"properties\":{\"greeting\":{\"type\":\"string\"}},\"required\":[\"greeting\"]}}]}";

static void act(const struct bo1_act *in, struct bo1_out *out) {
	struct bo1_str name;
	if (!bo1_same(in->action, "hello")) {
		bo1_fail(out, "unsupported", "action: want hello", false);
		return;
	}
	struct bo1_json given = bo1_get(in->arguments, "name");
	if (given.n == 0) {
		name = bo1_lit("world");
	} else if (!bo1_text(given, &name) || name.n == 0) {
		bo1_fail(out, "invalid", "name: want a string that is not empty", false);
		return;
	}
	struct bo1_str greeting = bo1_join((struct bo1_str[]){bo1_lit("Hello, "), name, bo1_lit("!")}, 3);
	bo1_open(out, '{');
	bo1_content(out, greeting); /* for people */
	bo1_key(out, "structured"); /* for programs, as output_schema says */
	bo1_open(out, '{');
	bo1_key(out, "greeting");
	bo1_put_text(out, greeting);
	bo1_close(out, '}');
	bo1_close(out, '}');
}

const struct bo1_plugin bo1_plugin = {.description = description, .act = act};

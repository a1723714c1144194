/* hello-c is an action plugin in C: it greets. The same in Go, AssemblyScript and Rust is beside it. */
#include "bo1.h"

enum { MOST = 100 }; /* characters of a name, as the schema says */

static const char description[] =
	"{\"kind\":\"action\",\"name\":\"hello-c\",\"version\":\"1.0.0\",\"abi\":\"bo1\",\"actions\":[{"
	"\"name\":\"hello\",\"title\":\"Hello\",\"description\":\"Greets somebody by name.\","
	"\"input_schema\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":100,"
	"\"description\":\"whom to greet\"}},\"required\":[\"name\"],\"additionalProperties\":false},"
	"\"output_schema\":{\"type\":\"object\",\"properties\":{\"greeting\":{\"type\":\"string\"},\"characters\":{\"type\":\"integer\"},"
	"\"time_ns\":{\"type\":\"integer\"},\"coherence\":{\"type\":\"number\"}},\"required\":[\"greeting\",\"characters\",\"time_ns\"]},"
	"\"annotations\":{\"readOnlyHint\":false,\"destructiveHint\":false,\"idempotentHint\":true,\"openWorldHint\":false}}]}";

/* coherence writes |T_sync|² of the field that the call belongs to, if there is one. */
static bool coherence(struct bo1_json state, struct bo1_out *out) {
	struct bo1_json pair = bo1_get(state, "T_sync"), item;
	double part[2] = {0, 0};
	if (!pair.p) return true;
	for (int i = 0; i < 2; i++)
		if (!bo1_next(&pair, &item) || !bo1_number(item, &part[i])) return false;
	bo1_key(out, "coherence");
	bo1_put_number(out, part[0] * part[0] + part[1] * part[1]);
	return true;
}

static void act(const struct bo1_act *in, struct bo1_out *out) {
	struct bo1_str name;
	if (!bo1_same(in->action, "hello")) {
		bo1_fail(out, "unsupported", "action: want hello", false);
		return;
	}
	if (!bo1_text(bo1_get(in->arguments, "name"), &name) || name.n == 0 || bo1_characters(name) > MOST) {
		bo1_fail(out, "invalid", "name: want a string of 1…100 characters", false);
		return;
	}
	struct bo1_str greeting = bo1_join((struct bo1_str[]){bo1_lit("Hello, "), name, bo1_lit("!")}, 3);
	bo1_open(out, '{');
	bo1_content(out, greeting);
	bo1_key(out, "structured");
	bo1_open(out, '{');
	bo1_key(out, "greeting");
	bo1_put_text(out, greeting);
	bo1_key(out, "characters");
	bo1_put_uint(out, bo1_characters(name));
	bo1_key(out, "time_ns");
	bo1_put_int(out, in->time_ns);
	if (!coherence(in->state, out)) bo1_fail(out, "invalid", "state.T_sync: want [re, im]", false);
	bo1_close(out, '}');
	bo1_close(out, '}');
}

const struct bo1_plugin bo1_plugin = {.description = description, .act = act};

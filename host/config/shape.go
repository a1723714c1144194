package config

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// shape is what may stand at one place of a configuration. It is read off the struct types once: the
// tags of Config's fields are the only place where keys, ranges and descriptions are written down.
//
//	koanf:"NAME"     the key
//	doc:"…"          what it means, with its unit
//	range:"[a,b)"    interval of a number or duration; a side may be empty
//	oneof:"a,b"      accepted texts
//	keys:"name"      keys of a map are names of fields
type shape struct {
	kind     kind
	doc      string
	interval *interval
	oneof    []string
	names    bool              // keys of the map are held against fieldName
	keys     []string          // section: in the order of the struct
	fields   map[string]*shape // section
	index    map[string]int    // section: the struct field of a key
	elem     *shape            // list, table
	typ      reflect.Type
}

type kind uint8

const (
	section kind = iota // struct
	table               // map by name
	list
	text
	boolean
	integer
	number
	duration
	named // a text that its own type parses
)

var kindNames = [...]string{section: "a section", table: "a section", list: "a list", text: "a text", boolean: "true or false",
	integer: "a whole number", number: "a number", duration: "a duration", named: "a text"}

// fieldName is what a field may be called: it is part of key paths, variables and reasons.
var fieldName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

var (
	durationType    = reflect.TypeFor[time.Duration]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// root returns the shape of Config.
var root = sync.OnceValue(func() *shape { return shapeOf(reflect.TypeFor[Config](), "") })

func shapeOf(t reflect.Type, tag reflect.StructTag) *shape {
	s := &shape{doc: tag.Get("doc"), typ: t, names: tag.Get("keys") == "name"}
	if r := tag.Get("range"); r != "" {
		s.interval = parseInterval(r, t == durationType)
	}
	if o := tag.Get("oneof"); o != "" {
		s.oneof = strings.Split(o, ",")
	}
	switch {
	case t == durationType:
		s.kind = duration
	case reflect.PointerTo(t).Implements(unmarshalerType):
		s.kind = named
	default:
		s.byKind(t, tag)
	}
	return s
}

func (s *shape) byKind(t reflect.Type, tag reflect.StructTag) {
	elem := func() *shape { // oneof on a list or table speaks of its elements
		e := shapeOf(t.Elem(), "")
		e.oneof, s.oneof = s.oneof, nil
		return e
	}
	switch t.Kind() {
	case reflect.Struct:
		s.section(t)
	case reflect.Map:
		s.kind, s.elem = table, elem()
	case reflect.Slice:
		s.kind, s.elem = list, elem()
	case reflect.String:
		s.kind = text
	case reflect.Bool:
		s.kind = boolean
	case reflect.Int:
		s.kind = integer
	case reflect.Float64:
		s.kind = number
	default:
		panic("config: no shape for " + t.String() + " " + string(tag)) // a mistake in this package, found by any test
	}
}

func (s *shape) section(t reflect.Type) {
	s.kind, s.fields, s.index = section, make(map[string]*shape), make(map[string]int)
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("koanf")
		if key == "" {
			continue
		}
		s.keys = append(s.keys, key)
		s.fields[key], s.index[key] = shapeOf(f.Type, f.Tag), i
	}
}

// interval is a range of numbers; durations count in seconds.
type interval struct {
	text              string
	low, high         float64
	openLow, openHigh bool
}

func parseInterval(s string, isDuration bool) *interval {
	in := &interval{text: strings.Replace(s, ",", ", ", 1), low: math.Inf(-1), high: math.Inf(1),
		openLow: s[0] == '(', openHigh: s[len(s)-1] == ')'}
	low, high, _ := strings.Cut(s[1:len(s)-1], ",")
	for _, side := range []struct {
		text string
		dst  *float64
	}{{low, &in.low}, {high, &in.high}} {
		if side.text == "" {
			continue
		}
		v, err := strconv.ParseFloat(side.text, 64)
		if isDuration {
			var d time.Duration
			d, err = parseDuration(side.text)
			v = d.Seconds()
		}
		if err != nil {
			panic("config: bad range " + s) // a mistake in this package, found by any test
		}
		*side.dst = v
	}
	switch {
	case low == "":
		in.text = "at most " + high
	case high == "" && in.openLow:
		in.text = "above " + low
	case high == "":
		in.text = "at least " + low
	}
	return in
}

// check returns what is wrong with v, or "".
func (in *interval) check(v float64) string {
	if in == nil {
		return ""
	}
	if v > in.low && v < in.high || v == in.low && !in.openLow || v == in.high && !in.openHigh {
		return ""
	}
	if strings.HasPrefix(in.text, "a") {
		return "not " + in.text
	}
	return "not in " + in.text
}

// child returns the shape below s at key, the key as it is written there, and whether there is one.
// Case and the joints of words do not count, as an environment variable cannot express them; present
// are the keys that a table already has.
func (s *shape) child(key string, present map[string]any) (*shape, string, bool) {
	switch s.kind {
	case section:
		for _, k := range s.keys {
			if fold(k) == fold(key) {
				return s.fields[k], k, true
			}
		}
	case table:
		for _, k := range sortedKeys(present) {
			if fold(k) == fold(key) {
				return s.elem, k, true
			}
		}
		return s.elem, strings.ToLower(key), true
	}
	return nil, "", false
}

// walk calls f with every key path below s, with NAME for the names of a table and [] for the places
// of a list, and the shape there.
func (s *shape) walk(path string, f func(path string, s *shape)) {
	if path != "" {
		f(path, s)
	}
	switch s.kind {
	case section:
		for _, k := range s.keys {
			s.fields[k].walk(join(path, k), f)
		}
	case table:
		s.elem.walk(join(path, "NAME"), f)
	case list:
		s.elem.walk(path+"[]", f)
	}
}

// Keys returns the path of every key that a configuration may have, NAME standing for a name that the
// user chooses and [] for the places of a list, in the order in which Print writes them.
func Keys() []string {
	var all []string
	root().walk("", func(path string, _ *shape) { all = append(all, path) })
	return all
}

// find returns the shape at a path of Keys, nil where there is none.
func (s *shape) find(path string) *shape {
	var found *shape
	s.walk("", func(p string, below *shape) {
		if p == path {
			found = below
		}
	})
	return found
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func at(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

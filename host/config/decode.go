package config

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// decoder puts a tree of plain values into a Config, strictly, and keeps every fault that it meets.
type decoder struct {
	origins origins
	faults  []error
}

func (d *decoder) fault(path, format string, args ...any) {
	d.faults = append(d.faults, &Fault{Where: d.origins.at(path), Key: path, What: fmt.Sprintf(format, args...)})
}

// defaulter is an element of a table that has defaults of its own.
type defaulter interface{ setDefaults() }

func (d *decoder) decode(path string, s *shape, v any, into reflect.Value) {
	switch s.kind {
	case section:
		d.section(path, s, v, into)
	case table:
		d.table(path, s, v, into)
	case list:
		d.list(path, s, v, into)
	default:
		d.scalar(path, s, v, into)
	}
}

func (d *decoder) section(path string, s *shape, v any, into reflect.Value) {
	if v == nil {
		return
	}
	m, ok := v.(map[string]any)
	if !ok {
		d.wrongType(path, s, v)
		return
	}
	for _, key := range sortedKeys(m) {
		f, known := s.fields[key]
		if !known {
			d.unknown(path, key, s)
			continue
		}
		d.decode(join(path, key), f, m[key], into.Field(s.index[key]))
	}
}

func (d *decoder) table(path string, s *shape, v any, into reflect.Value) {
	if v == nil {
		return
	}
	m, ok := v.(map[string]any)
	if !ok {
		d.wrongType(path, s, v)
		return
	}
	if len(m) == 0 {
		return
	}
	out := reflect.MakeMapWithSize(into.Type(), len(m))
	for _, key := range sortedKeys(m) {
		switch {
		case s.names && !fieldName.MatchString(key):
			d.fault(join(path, key), "is no name: 1 to 64 of A-Z a-z 0-9 - _ are, beginning with a letter or digit")
			continue
		case key == "":
			d.fault(path, `"": a name is missing`)
			continue
		}
		elem := reflect.New(into.Type().Elem())
		if def, ok := elem.Interface().(defaulter); ok {
			def.setDefaults()
		}
		d.decode(join(path, key), s.elem, m[key], elem.Elem())
		out.SetMapIndex(reflect.ValueOf(key), elem.Elem())
	}
	into.Set(out)
}

func (d *decoder) list(path string, s *shape, v any, into reflect.Value) {
	if v == nil {
		return
	}
	l, ok := v.([]any)
	if !ok {
		d.wrongType(path, s, v)
		return
	}
	out := reflect.MakeSlice(into.Type(), len(l), len(l))
	for i, e := range l {
		d.decode(at(path, i), s.elem, e, out.Index(i))
	}
	into.Set(out)
}

func (d *decoder) scalar(path string, s *shape, v any, into reflect.Value) {
	switch s.kind {
	case text, named, duration:
		t, ok := v.(string)
		if !ok {
			d.wrongType(path, s, v)
			return
		}
		d.text(path, s, t, into)
	case boolean:
		b, ok := v.(bool)
		if !ok {
			d.wrongType(path, s, v)
			return
		}
		into.SetBool(b)
	case integer, number:
		d.number(path, s, v, into)
	}
}

func (d *decoder) text(path string, s *shape, t string, into reflect.Value) {
	switch s.kind {
	case named:
		if err := into.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(t)); err != nil {
			_, why, _ := strings.Cut(err.Error(), strconv.Quote(t)+": ")
			d.fault(path, "%q: %s", t, why)
		}
	case duration:
		v, err := parseDuration(t)
		if err != nil {
			d.fault(path, "%q: %v", t, err)
			return
		}
		if wrong := s.interval.check(v.Seconds()); wrong != "" {
			d.fault(path, "%q: %s", t, wrong)
			return
		}
		into.SetInt(int64(v))
	default:
		if s.oneof != nil && !slices.Contains(s.oneof, t) {
			d.fault(path, "%q: not one of %s", t, strings.Join(s.oneof, ", "))
			return
		}
		into.SetString(t)
	}
}

func (d *decoder) number(path string, s *shape, v any, into reflect.Value) {
	f, whole, ok := numeric(v)
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) || s.kind == integer && !whole {
		d.wrongType(path, s, v)
		return
	}
	if wrong := s.interval.check(f); wrong != "" {
		d.fault(path, "%v: %s", v, wrong)
		return
	}
	if s.kind == integer {
		into.SetInt(int64(f))
		return
	}
	into.SetFloat(f)
}

// numeric returns v as a number, and whether it is a whole one that a float64 holds exactly.
func numeric(v any) (f float64, whole, ok bool) {
	switch n := v.(type) {
	case int:
		f, whole = float64(n), true
	case int64:
		f, whole = float64(n), true
	case uint64:
		f, whole = float64(n), true
	case float64:
		f, whole = n, n == math.Trunc(n)
	default:
		return 0, false, false
	}
	return f, whole && math.Abs(f) <= 1<<53, true
}

func (d *decoder) wrongType(path string, s *shape, v any) {
	want := kindNames[s.kind]
	switch {
	case s.kind == duration:
		want = `a duration such as "250ms" (with its unit)`
	case s.kind == number || s.kind == integer:
		if s.interval != nil {
			want += " (" + s.interval.text + ")"
		}
	case s.oneof != nil:
		want = "one of " + strings.Join(s.oneof, ", ")
	}
	d.fault(path, "%s: not %s", show(v), want)
}

// show writes a value of a configuration for a message.
func show(v any) string {
	switch t := v.(type) {
	case nil:
		return "without a value"
	case map[string]any:
		return "as a section"
	case []any:
		return "as a list"
	case string:
		return strconv.Quote(short(t))
	case time.Time:
		return t.Format(time.RFC3339)
	default:
		return short(fmt.Sprint(t))
	}
}

func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// unknown reports a key that nothing reads, with the nearest one beside it, or else the place where a
// key of that name is known.
func (d *decoder) unknown(path, key string, s *shape) {
	where := join(path, key)
	if path == "" && key == "becomingone" {
		d.fault(where, "is the manifest's example: host/config/MANIFEST.md says where each of its keys lives")
		return
	}
	if near := nearest(key, s.keys); near != "" {
		d.fault(where, "is unknown: did you mean %s?", join(path, near))
		return
	}
	elsewhere := ""
	root().walk("", func(p string, _ *shape) {
		if i := strings.LastIndexByte(p, '.'); elsewhere == "" && fold(p[i+1:]) == fold(key) {
			elsewhere = p
		}
	})
	if elsewhere != "" {
		d.fault(where, "is unknown: did you mean %s?", elsewhere)
		return
	}
	d.fault(where, "is unknown: not one of %s", strings.Join(s.keys, ", "))
}

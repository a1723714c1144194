package intent

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNormal(t *testing.T) {
	for _, k := range []struct{ in, want string }{
		{"  Pay\t\nBob ", "pay bob"},
		{"Ｂｏｂ＠ｘ．ｃｏｍ", "bob@x.com"},
		{"cafe\u0301", "café"},
		{"pass\u200bword\u00ad", "password"},
		{"a\u00a0b\u2003c", "a b c"},
		{"ﬁn", "fin"},
		{"\xff", "\uFFFD"},
		{"\u202ereversed", "reversed"},
	} {
		require.Equal(t, k.want, normal(k.in))
		require.Equal(t, k.want, normal(normal(k.in)), "twice is once")
	}
}

func TestOccursAtWordBoundsOnly(t *testing.T) {
	for _, k := range []struct {
		text, value string
		want        bool
	}{
		{"send 1000 to x", "100", false},
		{"send 100 to x", "100", true},
		{"100", "100", true},
		{"2100 and 100", "100", true},
		{"mail bob@x.com now", "bob@x.com", true},
		{"mail jacob@x.com now", "bob@x.com", false},
		{"übergabe", "bergabe", false},
		{"***", "*", true},
		{"anything", "", false},
	} {
		require.Equal(t, k.want, occurs(k.text, k.value), "%q in %q", k.value, k.text)
	}
}

func TestNumbersHaveOneSpelling(t *testing.T) {
	for _, k := range []struct {
		text string
		want string
	}{
		{"1,000.50 eur", "1000.5"}, {"1000.5", "1000.5"}, {"1000,5", "1000.5"}, {"1,000", "1000"},
		{"12,50", "12.5"}, {"007", "7"}, {"-5 and 3-5", "-5 3 5"}, {"0.0", "0"}, {"-0", "0"},
		{"2024-12-01", "2024 12 1"}, {"10.0.0.1", "10 0 0 1"}, {"1,000,000.25", "1000000.25"}, {"5.", "5"},
		{"1,2,3", "1 2 3"}, {"none", ""},
	} {
		var got []string
		numbers(k.text, func(n string) bool { got = append(got, n); return true })
		require.Equal(t, k.want, strings.Join(got, " "), k.text)
	}
	for in, want := range map[string]string{"1e3": "1000", "2.50": "2.5", "-0.0": "0", "1E-2": "0.01", "00": "0"} {
		got, ok := canonical(in)
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	for _, in := range []string{"", "-", ".5", "5.", "1e9999", "0x10", "12a", "--1", "nan", "1e"} {
		_, ok := canonical(in)
		require.False(t, ok, in)
	}
}

func TestRolesAreEveryLeaf(t *testing.T) {
	roles, err := rolesOf([]byte(`{"to":"bob","a/b":[1.50,{"~":true}],"n":null,"to":"eve","e":{},"f":[]}`))
	require.NoError(t, err)
	var got []string
	for _, r := range roles {
		got = append(got, r.path+"="+r.value)
	}
	require.Equal(t, []string{"/to=bob", "/a~1b/0=1.50", "/a~1b/1/~0=true", "/to=eve"}, got)
	require.True(t, slices.ContainsFunc(roles, func(r role) bool { return r.number == "1.5" }))
}

func TestArgumentsThatAreNoObject(t *testing.T) {
	deep := strings.Repeat(`{"a":`, maxDepth+2) + "1" + strings.Repeat("}", maxDepth+2)
	many := `{"a":[` + strings.Repeat("1,", maxRoles) + "1]}"
	for _, in := range []string{"", "[]", "1", `{"a":}`, `{"a":1`, `{"a":1}{}`, `{a:1}`, "null", deep, many} {
		_, err := rolesOf([]byte(in))
		require.Error(t, err, "%.20s", in)
	}
}

func FuzzRolesOf(f *testing.F) {
	f.Add([]byte(`{"to":"bob","amount":[1e3,{"deep":null}]}`))
	f.Add([]byte(`{"a":{"a":{"a":[[[[1]]]]}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		roles, err := rolesOf(b)
		if err != nil {
			require.Empty(t, roles)
		}
		require.LessOrEqual(t, len(roles), maxRoles)
	})
}

func FuzzNormal(f *testing.F) {
	f.Add("Pay 1,000.50 to Ｂｏｂ\u200b", "bob")
	f.Add("-5,3..2", "5")
	f.Fuzz(func(t *testing.T, text, value string) {
		n := normal(text)
		tokens(n, func(w string) bool { require.NotEmpty(t, w); return true })
		numbers(n, func(c string) bool {
			again, ok := canonical(c)
			require.True(t, ok, c)
			require.Equal(t, c, again)
			return true
		})
		if v := normal(value); occurs(n, v) {
			require.Contains(t, n, v)
		}
	})
}

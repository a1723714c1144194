package intent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/intent"
)

// A tool's output of 10 kB: mails with fields, sentences and numbers.
func mails() string {
	var b strings.Builder
	for i := 0; b.Len() < 10_000; i++ {
		fmt.Fprintf(&b, "- id: %d\n  sender: user%d@firm.example\n  subject: 'Notes of meeting %d'\n  body: 'Dear all, the notes "+
			"of our meeting on 2026-03-%02d are in the folder. Please read them before Friday. Total: %d.50 EUR.'\n", i, i, i, i%28+1, 17*i)
	}
	return b.String()
}

func BenchmarkHear10kB(b *testing.B) {
	k := book(b, intent.DefaultConfig())
	text := mails()
	for b.Loop() {
		if err := k.Hear(1, "s", intent.Text{Source: "mail", Body: text}); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(text)))
}

func BenchmarkHear10kBFresh(b *testing.B) {
	k := book(b, intent.DefaultConfig())
	text := mails()
	for b.Loop() {
		if err := k.Hear(1, "s", intent.Text{Source: "mail", Body: text}); err != nil {
			b.Fatal(err)
		}
		k.Close("s")
	}
}

func BenchmarkJudgeMails(b *testing.B) {
	k := book(b, intent.DefaultConfig())
	require.NoError(b, k.Hear(1, "s", intent.Text{Trusted: true, Body: "Please pay the bill of December and tell Bob about the notes."}))
	for i := range 5 {
		require.NoError(b, k.Hear(1, "s", intent.Text{Source: fmt.Sprint("mail ", i), Body: mails()}))
	}
	c := intent.Call{Session: "s", Action: "send_money", Effect: gate.Write, Arguments: []byte(`{"to":"user7@firm.example","amount":119.5,"subject":"notes of meeting"}`)}
	for b.Loop() {
		k.Judge(2, c)
	}
}

package evidence_test

import (
	"testing"

	"github.com/becomingone/becomingone/kernel/evidence"
)

func BenchmarkEvidence(b *testing.B) {
	u := complex(0.6, 0.8)
	b.Run("Process.Step", func(b *testing.B) {
		var e evidence.Process
		for b.Loop() {
			e.Step(u, 1)
		}
	})
	b.Run("Process.LnE", func(b *testing.B) {
		var e evidence.Process
		for range 20 {
			e.Step(u, 1)
		}
		for b.Loop() {
			e.LnE()
		}
	})
	b.Run("Detector.Step", func(b *testing.B) {
		var d evidence.Detector
		for b.Loop() {
			d.Step(u, 1)
		}
	})
	b.Run("Detector.LnSR", func(b *testing.B) {
		var d evidence.Detector
		d.Step(u, 1)
		for b.Loop() {
			d.LnSR()
		}
	})
	b.Run("LnBound", func(b *testing.B) {
		for b.Loop() {
			evidence.LnBound(26, .95)
		}
	})
}

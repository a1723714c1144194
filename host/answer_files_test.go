package host

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/gate"
)

// A node that nobody watches is answered by files.
func TestAnswersFromFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		b := begin(t, filepath.Join(dir, "data"), Config{QuestionLife: time.Minute})
		refused := 0
		f := &answerFiles{runtime: b.Runtime, questions: filepath.Join(dir, "q"), answers: filepath.Join(dir, "a"),
			warn: func(string, ...any) { refused++ }}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.run(ctx) }()
		look := func() { <-time.After(2 * answerEvery); synctest.Wait() }
		answer := func(id, word string, mode os.FileMode) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "a", id), []byte(word), mode))
			require.NoError(t, os.Chmod(filepath.Join(dir, "a", id), mode))
			look()
			require.NoFileExists(t, filepath.Join(dir, "a", id))
		}
		id := held(t, b, pay("s", 1))
		no := held(t, b, pay("s", 2))
		look()
		question := filepath.Join(dir, "q", id+".json")
		text, err := os.ReadFile(question)
		require.NoError(t, err)
		require.Contains(t, string(text), `"to": "X1"`)

		answer(id, "perhaps", 0o600)
		answer(id, "yes", 0o666)
		require.NoError(t, os.Symlink(question, filepath.Join(dir, "a", id)))
		look()
		answer("q-000000000000", "yes", 0o600)
		require.Equal(t, 4, refused)
		held(t, b, pay("s", 1))

		answer(id, "yes\n", 0o600)
		require.NoFileExists(t, question)
		require.Zero(t, b.actions.runs.Load())
		out, err := b.Call(t.Context(), pay("s", 1))
		require.NoError(t, err)
		require.Equal(t, gate.Collapse, out.Verdict)
		answer(no, "no", 0o600)
		require.NoFileExists(t, filepath.Join(dir, "q", no+".json"))
		require.Equal(t, 4, refused)

		held(t, b, pay("s", 3))
		look()
		cancel()
		require.NoError(t, <-ended)
		left, err := os.ReadDir(filepath.Join(dir, "q"))
		require.NoError(t, err)
		require.Empty(t, left)
		require.NoError(t, b.stop())
	})
}

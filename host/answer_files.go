package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/becomingone/becomingone/kernel/intent"
)

// answerFiles puts questions into files and takes answers from files, for a node that nobody watches: each
// open question is DATA/questions/ID.json, and whoever may write DATA/answers/ID with the word yes or no
// answers it. Folders and files are this user's alone; an answer that others could have written is refused.
type answerFiles struct {
	runtime            *Runtime
	questions, answers string // folders
	written            map[string]bool
	warn               func(msg string, args ...any)
}

// answerEvery is how often the files are looked at.
const answerEvery = time.Second

// maxAnswerFile bounds what is read of an answer.
const maxAnswerFile = 64

// run works until ctx ends and leaves no question file behind.
func (f *answerFiles) run(ctx context.Context) error {
	for _, dir := range []string{f.questions, f.answers} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("host: make folder for approvals: %w", err)
		}
	}
	f.written = map[string]bool{}
	f.clean()
	t := time.NewTicker(answerEvery)
	defer t.Stop()
	for {
		f.take(ctx)
		f.put()
		select {
		case <-ctx.Done():
			f.clean()
			return nil
		case <-t.C:
		}
	}
}

// put writes the files of new questions and removes those of questions that are over.
func (f *answerFiles) put() {
	list, _ := f.runtime.Questions(intent.MaxQuestions)
	open := make(map[string]bool, len(list))
	for _, q := range list {
		open[q.ID] = true
		if f.written[q.ID] {
			continue
		}
		b, err := json.MarshalIndent(q, "", "  ")
		if err == nil {
			err = writeWhole(filepath.Join(f.questions, q.ID+".json"), append(b, '\n'))
		}
		if err != nil {
			f.warn("question file not written", "question", q.ID, "err", err)
			continue
		}
		f.written[q.ID] = true
	}
	for id := range f.written {
		if !open[id] {
			delete(f.written, id)
			f.remove(filepath.Join(f.questions, id+".json"))
		}
	}
}

// writeWhole makes a file appear whole, for this user only.
func writeWhole(path string, b []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".question-*") // 0600 by definition
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// take reads what is in the answers' folder and removes it. A name that begins with a dot is not an
// answer yet: write it so, and rename it.
func (f *answerFiles) take(ctx context.Context) {
	entries, err := os.ReadDir(f.answers)
	if err != nil {
		f.warn("answers not read", "err", err)
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || ctx.Err() != nil {
			continue
		}
		path := filepath.Join(f.answers, e.Name())
		yes, err := readAnswer(path)
		if errors.Is(err, errEmpty) {
			continue // somebody is writing it
		}
		if err == nil {
			_, err = f.runtime.Answer(ctx, e.Name(), yes, "file")
		}
		if errors.Is(err, ErrStopped) {
			return
		}
		if err != nil {
			f.warn("answer file refused", "file", e.Name(), "err", err)
		}
		f.remove(path)
	}
}

var errEmpty = errors.New("host: answer file is empty")

// readAnswer reads yes or no from a file that only this user could have written.
func readAnswer(path string) (bool, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return false, fmt.Errorf("host: answer file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o022 != 0 {
		return false, fmt.Errorf("host: answer file of mode %v: want a regular file that group and others cannot write", info.Mode())
	}
	file, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("host: answer file: %w", err)
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxAnswerFile))
	if err != nil {
		return false, fmt.Errorf("host: answer file: %w", err)
	}
	switch word := strings.ToLower(strings.TrimSpace(string(b))); word {
	case "yes":
		return true, nil
	case "no":
		return false, nil
	case "":
		return false, errEmpty
	default:
		return false, fmt.Errorf("host: answer file says %q: want yes or no", word)
	}
}

// clean removes question files of an earlier run, which nobody can answer any more.
func (f *answerFiles) clean() {
	old, err := filepath.Glob(filepath.Join(f.questions, "q-*.json"))
	if err != nil {
		return // only a malformed pattern, and this one is not
	}
	for _, path := range old {
		f.remove(path)
	}
}

func (f *answerFiles) remove(path string) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.warn("file not removed", "file", path, "err", err)
	}
}

package supply_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/supply"
)

func TestInstallListEnableRemove(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plugins")
	s := supply.NewStore(dir)
	all, err := s.List()
	require.NoError(t, err)
	require.Empty(t, all)
	k := key(t)
	src := signed(t, k, "voice", say, "code")
	p := install(t, s, src)
	require.Equal(t, supply.Installed{
		Name: "voice", Version: "1", Bundle: open(t, src).Digest(), Module: p.Module, Signer: k.Signer(),
		Source: src, Folder: p.Folder, Enabled: true, Rights: p.Rights,
	}, p)
	got, err := s.Get("voice")
	require.NoError(t, err)
	require.Equal(t, p, got)
	b, err := s.Verify(p)
	require.NoError(t, err)
	require.Equal(t, p.Bundle, b.Digest())
	found := s.Found()
	require.Len(t, found, 1)
	require.NoError(t, found[0].Err)
	require.Equal(t, p.Module, found[0].Manifest.SHA256)

	require.NoError(t, s.Enable("voice", false))
	require.Empty(t, s.Found())
	next := install(t, s, signed(t, k, "voice", say, "better code"))
	require.False(t, next.Enabled, "an update does not enable what its owner disabled")
	require.NoError(t, s.Enable("voice", true))
	require.Len(t, s.Found(), 1)
	require.NoDirExists(t, s.Path(p))
	require.DirExists(t, s.Path(next))

	require.NoError(t, s.Remove("voice"))
	require.Empty(t, s.Found())
	require.NoDirExists(t, filepath.Join(dir, "voice"))
	for _, err := range []error{s.Remove("voice"), s.Enable("voice", true)} {
		require.ErrorIs(t, err, supply.ErrNotInstalled)
	}
}

func TestWhoNeedsToSayYes(t *testing.T) {
	own, other := key(t), key(t)
	more := say + "\ncapabilities: [log]"
	for name, c := range map[string]struct {
		before string // folder that is installed first
		now    string
		want   []string
	}{
		"own": {"", signed(t, own, "voice", more, "1"), nil},
		"own, triggered": {"", signed(t, own, "voice", "actions: {say: {effect: read, trigger: {collapse: [co2]}}}", "1"),
			[]string{"action say: acts by itself when co2 collapses"}},
		"own, observer":  {"", kind(t, own, "observer\n"), []string{"sees the records of the log"}},
		"own, input":     {"", kind(t, own, "input\nchannels: [mic]\n"), []string{"feeds channels: mic"}},
		"own, a process": {"", process(t, own), []string{"runs as a process of yours, outside the sandbox"}},
		"unsigned": {"", plugin(t, "voice", say, "1"),
			[]string{"nobody has signed it"}},
		"new signer": {"", signed(t, other, "voice", say, "1"),
			[]string{"its signer is new here: " + other.Signer()}},
		"update":             {signed(t, other, "voice", say, "1"), signed(t, other, "voice", say, "2"), nil},
		"same, unsigned":     {plugin(t, "voice", say, "1"), plugin(t, "voice", say, "1"), nil},
		"other, unsigned":    {plugin(t, "voice", say, "1"), plugin(t, "voice", say, "2"), []string{"nobody has signed it, and it is another than before"}},
		"other signer":       {signed(t, other, "voice", say, "1"), signed(t, own, "voice", say, "1"), []string{"signed by " + own.Signer() + ", before by " + other.Signer()}},
		"signature gone":     {signed(t, other, "voice", say, "1"), plugin(t, "voice", say, "1"), []string{"signed by nobody, before by " + other.Signer()}},
		"more rights":        {signed(t, other, "voice", say, "1"), signed(t, other, "voice", more, "2"), []string{"capability log"}},
		"own, more rights":   {signed(t, own, "voice", say, "1"), signed(t, own, "voice", more, "2"), []string{"capability log"}},
		"own, fewer rights":  {signed(t, own, "voice", more, "1"), signed(t, own, "voice", say, "2"), nil},
		"own, becomes other": {signed(t, own, "voice", say, "1"), process(t, own), []string{"run by process, granted bo1"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := supply.NewStore(t.TempDir())
			if c.before != "" {
				install(t, s, c.before)
			}
			change, err := s.Plan(open(t, c.now), own.Signer())
			require.NoError(t, err)
			require.Equal(t, c.want, change.Why())
			_, err = s.Install(change)
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			var consent *supply.ConsentError
			require.ErrorAs(t, err, &consent)
			require.Equal(t, c.want, consent.Why)
			require.ErrorContains(t, err, c.want[0])
			change.Agree()
			_, err = s.Install(change)
			require.NoError(t, err)
		})
	}
}

// kind is a bundle of another kind, signed by k.
func kind(t testing.TB, k supply.Key, lines string) string {
	dir := plugin(t, "voice", "", "1")
	file := filepath.Join(dir, supply.ManifestFile)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(b), "kind: action", "kind: "+lines, 1)), 0o600))
	_, err = supply.SignPath(dir, k)
	require.NoError(t, err)
	return dir
}

func process(t testing.TB, k supply.Key) string {
	dir := plugin(t, "voice", say, "1")
	file := filepath.Join(dir, supply.ManifestFile)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(b), "abi: bo1", "abi: process", 1)), 0o600))
	_, err = supply.SignPath(dir, k)
	require.NoError(t, err)
	return dir
}

func TestAgreeTo(t *testing.T) {
	k, other := key(t), key(t)
	s := supply.NewStore(t.TempDir())
	plan := func(path string) *supply.Change {
		c, err := s.Plan(open(t, path), "")
		require.NoError(t, err)
		return c
	}
	c := plan(signed(t, k, "voice", say, "1"))
	require.ErrorContains(t, c.AgreeTo("me"), `trust "me": want a signer`)
	var wrong *supply.VerifyError
	require.ErrorAs(t, c.AgreeTo(other.Signer()), &wrong)
	_, err := s.Install(c)
	require.Error(t, err)
	require.NoError(t, c.AgreeTo(k.Signer()))
	_, err = s.Install(c)
	require.NoError(t, err)

	c = plan(signed(t, k, "voice", say+"\ncapabilities: [log]", "2"))
	var consent *supply.ConsentError
	require.ErrorAs(t, c.AgreeTo(k.Signer()), &consent, "a signer is not trusted with more rights")
	require.Equal(t, []string{"capability log"}, consent.Why)
	require.NoError(t, c.AgreeTo(c.Bundle.Digest()))
	_, err = s.Install(c)
	require.NoError(t, err)
}

// A yes is given to one bundle over one that was installed; nothing may come between.
func TestYesIsForWhatWasSeen(t *testing.T) {
	s, k := supply.NewStore(t.TempDir()), key(t)
	a, err := s.Plan(open(t, signed(t, k, "voice", say, "a")), k.Signer())
	require.NoError(t, err)
	b, err := s.Plan(open(t, signed(t, k, "voice", say, "b")), k.Signer())
	require.NoError(t, err)
	_, err = s.Install(a)
	require.NoError(t, err)
	_, err = s.Install(b)
	require.ErrorContains(t, err, "changed meanwhile")
}

func TestChangedDigestDeactivates(t *testing.T) {
	for _, file := range []string{supply.ManifestFile, "m.wasm"} {
		s := supply.NewStore(t.TempDir())
		p := install(t, s, plugin(t, "voice", say, "code"))
		flipBit(t, filepath.Join(s.Path(p), file))
		_, err := s.Verify(p)
		require.Error(t, err)
		require.NoError(t, s.Enable("voice", false))
		require.Error(t, s.Enable("voice", true))
		require.Empty(t, s.Found())
	}
	s := supply.NewStore(t.TempDir())
	p := install(t, s, plugin(t, "voice", say, "code"))
	name := filepath.Join(s.Path(p), supply.ManifestFile)
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, append(text, "capabilities: [log]\n"...), 0o600))
	found := s.Found()
	require.Len(t, found, 1)
	require.ErrorContains(t, found[0].Err, "not the manifest that was installed")
	require.Equal(t, "voice", found[0].Manifest.Name)
	install(t, s, plugin(t, "voice", say, "code"))
	require.NoError(t, s.Found()[0].Err, "installing again mends it")
}

func TestBrokenLockInstallsNothing(t *testing.T) {
	dir := t.TempDir()
	s := supply.NewStore(dir)
	install(t, s, plugin(t, "voice", say, "code"))
	name := filepath.Join(dir, supply.LockFile)
	good, err := os.ReadFile(name)
	require.NoError(t, err)
	for from, to := range map[string]string{
		"lock: 1": "lock: 2", "name: voice": "name: ../voice", "bundle: sha256:": "bundle: md5:", "enabled:": "enabeld:",
		"module: ": "module: z", "folder: ": "folder: ../", "effect: write": "effect: fly", "plugins:": "plugins: &x *x",
	} {
		bad := strings.Replace(string(good), from, to, 1)
		require.NotEqual(t, string(good), bad)
		require.NoError(t, os.WriteFile(name, []byte(bad), 0o600))
		_, err := s.List()
		require.ErrorContains(t, err, "lock", "%s", to)
		found := s.Found()
		require.Len(t, found, 1)
		require.Error(t, found[0].Err)
		require.Error(t, s.Enable("voice", false))
	}
}

func TestNamesBelongToOnePlugin(t *testing.T) {
	s := supply.NewStore(t.TempDir())
	install(t, s, plugin(t, "voice", say, "code"))
	c, err := s.Plan(open(t, plugin(t, "other", say, "code")), "")
	require.NoError(t, err)
	c.Agree()
	_, err = s.Install(c)
	require.ErrorContains(t, err, `action "say": the plugin voice has it`)
	require.NoError(t, s.Enable("voice", false))
	install(t, s, plugin(t, "other", say, "code"))
}

func TestReservedNames(t *testing.T) {
	s := supply.NewStore(t.TempDir())
	for _, name := range []string{"cache", "lock.yaml", "lock.guard"} {
		_, err := s.Plan(open(t, plugin(t, name, say, "code")), "")
		require.ErrorContains(t, err, "taken by the store")
	}
}

func TestManyInstallersAtOnce(t *testing.T) {
	s := supply.NewStore(t.TempDir())
	var wg sync.WaitGroup
	for i := range 8 {
		c, err := s.Plan(open(t, plugin(t, fmt.Sprintf("p%d", i), fmt.Sprintf("actions: {say%d: {effect: read}}", i), "code")), "")
		require.NoError(t, err)
		c.Agree()
		wg.Go(func() {
			if _, err := s.Install(c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all, err := s.List()
	require.NoError(t, err)
	require.Len(t, all, 8)
	for _, p := range all {
		_, err := s.Verify(p)
		require.NoError(t, err)
	}
}

// TestMain lets the test binary be an installer that is killed.
func TestMain(m *testing.M) {
	dir := os.Getenv("SUPPLY_TEST_INSTALL")
	if dir == "" {
		os.Exit(m.Run())
	}
	s := supply.NewStore(filepath.Join(dir, "store"))
	fmt.Println("ready")
	for i := 0; ; i++ {
		b, err := supply.OpenPath(filepath.Join(dir, fmt.Sprint(i%2), "voice"))
		if err == nil {
			var c *supply.Change
			if c, err = s.Plan(b, ""); err == nil {
				c.Agree()
				_, err = s.Install(c)
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// Whenever an installer is killed, what is installed is whole, and the next one sweeps behind it.
func TestKilledInstallersLeaveWholePlugins(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		from := plugin(t, "voice", say, strings.Repeat(fmt.Sprint(i), 1<<20))
		require.NoError(t, os.Mkdir(filepath.Join(dir, fmt.Sprint(i)), 0o700))
		require.NoError(t, os.Rename(from, filepath.Join(dir, fmt.Sprint(i), "voice")))
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	s := supply.NewStore(filepath.Join(dir, "store"))
	for i := range 20 {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), "SUPPLY_TEST_INSTALL="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		_, err = bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		timer := time.AfterFunc(time.Duration(2+3*i)*time.Millisecond, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // killed
		timer.Stop()
		require.Equal(t, -1, cmd.ProcessState.ExitCode(), "the installer ended by itself")
		all, err := s.List()
		require.NoError(t, err)
		for _, p := range all {
			_, err := s.Verify(p)
			require.NoError(t, err)
		}
	}
	p := install(t, s, filepath.Join(dir, "0", "voice"))
	left, err := filepath.Glob(filepath.Join(dir, "store", "voice", "*"))
	require.NoError(t, err)
	require.Equal(t, []string{s.Path(p)}, left)
	left, err = filepath.Glob(filepath.Join(dir, "store", ".*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// A plugins.Set that is given a store's plugins loads those that are enabled and whole.
func ExampleStore_Found() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	s := supply.NewStore(dir)
	set, err := plugins.NewSet(plugins.Config{More: s.Found}, nil)
	fmt.Println(len(set.Status()), err)
	// Output: 0 <nil>
}

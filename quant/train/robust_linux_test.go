package train

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestDiskFull runs out of space between two epochs, once by a limit on file
// sizes and once on a disk that is full: the run ends with an error, the
// checkpoint before stays, nothing else does, and with space again the run goes
// on to the bytes of one that was never stopped.
func TestDiskFull(t *testing.T) {
	_, want := mustRun(t, rich(), Options{})
	for name, setUp := range map[string]func(t *testing.T, dir string) (fill, free func()){
		"file size limit": limitFiles,
		"full disk":       smallDisk,
	} {
		t.Run(name, func(t *testing.T) {
			if name == "file size limit" && os.Getenv(limited) == "" {
				runLimited(t)
				return
			}
			dir := t.TempDir()
			fill, free := setUp(t, dir)
			out := filepath.Join(dir, "net.onnx")
			var before []byte
			_, err := Run(t.Context(), rich(), smallSet(), nil, Options{Out: out, Progress: func(e Event) {
				if e.Done && e.Phase == QATPhase {
					before = mustRead(t, out+".ckpt")
					fill()
				}
			}})
			free()
			if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EFBIG) ||
				!strings.Contains(err.Error(), "checkpoint") {
				t.Fatalf("error %v, want one of the checkpoint and the disk", err)
			}
			if !bytes.Equal(mustRead(t, out+".ckpt"), before) {
				t.Error("the checkpoint has changed")
			}
			if files, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(files) != 1 {
				t.Errorf("files left: %v, want the checkpoint alone", files)
			}
			if _, got := mustRun(t, rich(), Options{Out: out, Resume: true}); !bytes.Equal(got, want) {
				t.Error("the resumed run gave another network")
			}
		})
	}
}

// limited is set in the process whose files TestDiskFull limits.
const limited = "A2QGEN_TEST_LIMITED"

// runLimited runs the test in a process of its own: the log that go test keeps
// of a test's files would meet the limit too.
func runLimited(t *testing.T) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run="+strings.ReplaceAll("^"+t.Name()+"$", "/", "$/^"), "-test.v")
	child.Env = append(os.Environ(), limited+"=1")
	out, err := child.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("%v\n%s", err, out)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// limitFiles makes fill limit the files that this process writes to 4 KiB.
func limitFiles(t *testing.T, _ string) (fill, free func()) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	set := func(l syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			t.Fatal(err)
		}
	}
	signal.Ignore(syscall.SIGXFSZ)
	t.Cleanup(func() {
		set(old)
		signal.Reset(syscall.SIGXFSZ)
	})
	return func() { set(syscall.Rlimit{Cur: 4096, Max: old.Max}) }, func() { set(old) }
}

// smallDisk mounts a disk of 512 KiB on dir; fill writes it full.
func smallDisk(t *testing.T, dir string) (fill, free func()) {
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=512k"); err != nil {
		t.Skipf("no disk to fill: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	fill = func() {
		if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("filling the disk: error %v, want ENOSPC", err)
		}
	}
	return fill, func() {
		if err := os.Remove(ballast); err != nil {
			t.Error(err)
		}
	}
}

// killedOut names the network that a child process of TestKilled trains.
const killedOut = "A2QGEN_TEST_KILLED_OUT"

func killedSpec() *Spec {
	s := rich()
	s.Float.Epochs, s.QAT.Epochs = 6, 6
	return s
}

// TestKilled kills training processes as soon as they end an epoch, which is
// when they write checkpoints: each is whole, and the run goes on from it to
// the bytes of one that nobody killed.
func TestKilled(t *testing.T) {
	if out := os.Getenv(killedOut); out != "" {
		mustRun(t, killedSpec(), Options{Out: out, Progress: func(e Event) {
			if e.Done {
				fmt.Println("epoch")
			}
		}})
		return
	}
	_, want := mustRun(t, killedSpec(), Options{})
	for _, epochs := range []int{2, 6, 7, 11} {
		t.Run(strconv.Itoa(epochs), func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "net.onnx")
			killAfter(t, out, epochs)
			r, got := mustRun(t, killedSpec(), Options{Out: out, Resume: true})
			if !bytes.Equal(got, want) || len(r.History) != 12 {
				t.Errorf("the resumed run gave another network, %d epochs of history", len(r.History))
			}
		})
	}
}

// killAfter runs TestKilled in a process of its own and kills it when it says
// that it ended an epoch.
func killAfter(t *testing.T, out string, epochs int) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	child.Env = append(os.Environ(), killedOut+"="+out)
	pipe, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	for n := 0; n < epochs && lines.Scan(); {
		if lines.Text() == "epoch" {
			n++
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait() // its error is the kill
	if _, err := os.Stat(out); err == nil {
		t.Skip("the process ended before it was killed")
	}
}

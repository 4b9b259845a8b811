package verilator

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// keyBytes is how much of a SHA-256 names a cache entry. 96 bits: by the birthday bound
// two of 2^48 designs meet, and names stay short.
const keyBytes = 12

// cacheKey hashes parts with their lengths, so that no two lists of parts meet. Without
// the lengths, text moved from the end of one file to the start of the next would give the
// same key.
func cacheKey(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil)[:keyBytes])
}

// openCache returns the absolute path of the cache folder, made if need be; an empty path
// means a2qgen's folder in the user's cache. Absolute, since tools run in other folders
// than this program.
func openCache(dir string) (string, error) {
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("verilator: cache: %w", err)
		}
		dir = filepath.Join(base, "a2qgen")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("verilator: cache: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", unwritable(err)
	}
	return dir, nil
}

// unwritable is the error of a cache folder that cannot be written, with what helps. Home
// folders are often read-only in containers and CI, where this is the first message.
func unwritable(err error) error {
	return fmt.Errorf("verilator: cache: %w: set XDG_CACHE_HOME to a folder that can be written", err)
}

// publish renames a finished folder to its place in the cache. An entry that another
// process put there first is as good: it has the same key. Renaming onto a folder with
// files fails, so that a running simulation never loses the program that it was started
// from.
func publish(from, to string) error {
	err := os.Rename(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) || isFolder(to) {
		return nil
	}
	return fmt.Errorf("verilator: cache: %w", err)
}

// isFolder follows links: a cache may be one.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// filesIn returns the names in a folder with a beginning and an end, sorted. Unlike
// filepath.Glob it takes the folder's name as it is. A design in "a[1]" is therefore
// found, and one in "g*x" does not read its neighbours' files.
func filesIn(dir, prefix, suffix string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && strings.HasSuffix(e.Name(), suffix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// copyObjects copies the compiled files of a folder whose names begin so; there are none
// where there is no folder. Copied, not linked: make may write to them, and the cache is
// shared.
func copyObjects(from, prefix, to string) error {
	names, err := filesIn(from, prefix, ".o")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("verilator: cache: %w", err)
	}
	for _, name := range names {
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return fmt.Errorf("verilator: cache: %w", err)
		}
	}
	return nil
}

// copyFile copies contents. Modes and times are new, as make wants objects to be newer
// than sources.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

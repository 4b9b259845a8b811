package emit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// EditedError is the error of an output directory in which a file of the design is
// not as it was emitted: replacing the design would lose somebody's work.
type EditedError struct {
	Dir, File string // File is relative to Dir
}

func (e *EditedError) Error() string {
	return fmt.Sprintf("hwgen: output directory %s: %s is not as it was generated, somebody edited it: nothing written",
		e.Dir, e.File)
}

// sums returns the SHA-256 of each file, hexadecimal, by path.
func sums(files []File) map[string]string {
	s := map[string]string{}
	for _, f := range files {
		s[f.Path] = sum(f.Data)
	}
	return s
}

func sum(data []byte) string {
	// Against edits, and transfers cut off: not against somebody who edits the sums too.
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// CheckDir returns an error where WriteDir would refuse to replace dir.
func CheckDir(dir string) error { return checkDir(dir, false) }

// CheckOverwrite returns an error where OverwriteDir would refuse to replace dir.
func CheckOverwrite(dir string) error { return checkDir(dir, true) }

func checkDir(dir string, edited bool) error {
	dir, err := target(dir)
	if err == nil {
		_, err = replaceable(dir, edited)
	}
	return err
}

// WriteDir writes files as directory dir: built beside it under a temporary name,
// then renamed, so that a killed run leaves the old directory or the new one. A
// directory that is not empty and was not generated, or that holds anything besides,
// is refused; so is, as an EditedError, a design with a file that was edited. The
// current folder, and one that cannot be renamed, are filled in place: a killed run
// may leave a part.
func WriteDir(dir string, files []File) error { return writeDir(dir, files, false) }

// OverwriteDir is WriteDir for a design that may have been edited.
func OverwriteDir(dir string, files []File) error { return writeDir(dir, files, true) }

func writeDir(dir string, files []File, edited bool) error {
	dir, err := target(dir)
	if err != nil {
		return err
	}
	old, err := replaceable(dir, edited)
	if err != nil {
		return err
	}
	// The shell would stay in the old folder, which is gone, if the current one were
	// replaced. A mount point and a folder in one without write permission cannot be.
	if !old || !sameFolder(dir, ".") {
		if err = swapDir(dir, files, old); err == nil {
			return nil
		}
	}
	// Only a folder that is there can be filled: a new one that failed above stays an error.
	if old {
		err = fillDir(dir, files)
	}
	if err != nil {
		return fmt.Errorf("hwgen: output directory: %w", err)
	}
	return nil
}

// swapDir builds the new directory beside dir and renames it; where that fails dir is
// as it was.
func swapDir(dir string, files []File, old bool) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	// The temporary name is short: one made of dir's could be too long where dir is not.
	tmp, err := os.MkdirTemp(filepath.Dir(dir), tempPattern)
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	// The old directory moves into the temporary one, which goes when all is done: at every
	// moment one whole design exists, and no name of ours can meet a user's.
	fresh, away := filepath.Join(tmp, "new"), filepath.Join(tmp, "old")
	if err := writeFiles(fresh, files); err != nil {
		return err
	}
	if old {
		if err := os.Rename(dir, away); err != nil {
			return err
		}
	}
	err = os.Rename(fresh, dir)
	// The new one could not take the name: the old one takes it back.
	if err != nil && old {
		err = errors.Join(err, os.Rename(away, dir))
	}
	return err
}

// fillDir replaces what is in dir, a folder that stays.
func fillDir(dir string, files []File) error {
	// Read before the temporary folder is made in it, which is not to be moved.
	was, err := names(dir)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(dir, tempPattern)
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	fresh, away := filepath.Join(tmp, "new"), filepath.Join(tmp, "old")
	if err := errors.Join(writeFiles(fresh, files), os.Mkdir(away, 0o777)); err != nil {
		return err
	}
	// Names, not files: folders move whole, by one rename each.
	is, err := names(fresh)
	if err == nil {
		err = moveAll(dir, away, was)
	}
	if err != nil {
		return err
	}
	// Nothing is lost by a failure: what was there moves back.
	if err := moveAll(fresh, dir, is); err != nil {
		return errors.Join(err, moveAll(away, dir, was))
	}
	return nil
}

// tempPattern names what a killed run may leave.
const tempPattern = ".a2qgen-*"

// names returns the names in a folder.
func names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list, err
}

// moveAll renames entries of a folder into another one: all, or none and an error.
func moveAll(from, to string, names []string) error {
	for i, name := range names {
		if err := os.Rename(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return errors.Join(err, moveAll(to, from, names[:i]))
		}
	}
	return nil
}

// sameFolder says whether two paths are one folder, which exists.
func sameFolder(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// target returns the absolute path of what dir links to, where it is a link: that is
// replaced, not the link.
func target(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("hwgen: output directory: %w", err)
	}
	// Lstat: Stat would follow the link that is looked for.
	if info, err := os.Lstat(abs); err != nil || info.Mode()&os.ModeSymlink == 0 {
		return abs, nil
	}
	to, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return "", fmt.Errorf("hwgen: output directory %s is a link to nothing: %w", dir, err)
	}
	return to, nil
}

// replaceable says whether dir exists and may be replaced: it is empty or ours, and,
// unless edited is allowed, as we wrote it.
func replaceable(dir string, edited bool) (exists bool, err error) {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("hwgen: output directory: %w", err)
	// An empty folder, made by mkdir or by a container's mount, holds nobody's work.
	case len(entries) == 0:
		return true, nil
	}
	m, err := ReadManifest(dir)
	if err != nil {
		return false, fmt.Errorf("hwgen: output directory %s is not empty and holds no generated design: "+
			"nothing written", dir)
	}
	// A manifest alone is not enough: what else lies there would go with the design.
	return true, m.onlyOurs(dir, edited)
}

// onlyOurs returns an error where dir holds a file or a folder that m's design has not:
// waves, or a vendor tool's project, which would go with it. Where edited is not
// allowed, a file with another sum than m has is an EditedError.
func (m *Manifest) onlyOurs(dir string, edited bool) error {
	// Every entry, hidden ones too: .git in a design's folder is somebody's history of it.
	return filepath.WalkDir(dir, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("hwgen: output directory: %w", err)
		}
		rel, err := filepath.Rel(dir, at)
		if err != nil || rel == "." {
			return err
		}
		file := filepath.ToSlash(rel)
		// Entered: its files are looked at one by one.
		if e.IsDir() && m.hasFolder(file) {
			return nil
		}
		if e.IsDir() || !slices.Contains(m.Files, file) {
			return fmt.Errorf("hwgen: output directory %s holds %s, which is no part of the design in it: "+
				"nothing written", dir, rel)
		}
		if edited {
			return nil
		}
		return m.checkSum(dir, file)
	})
}

// hasFolder says whether the design has a file in the folder.
func (m *Manifest) hasFolder(folder string) bool {
	return slices.ContainsFunc(m.Files, func(f string) bool { return strings.HasPrefix(f, folder+"/") })
}

// checkSum returns an EditedError where a file is not as it was emitted. The manifest
// itself has no sum, nor has any file in one of before there were sums.
func (m *Manifest) checkSum(dir, file string) error {
	want, ok := m.Sums[file]
	if !ok {
		return nil
	}
	// The whole file: memories are the largest, some megabytes.
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
	if err != nil {
		return fmt.Errorf("hwgen: output directory: %w", err)
	}
	if sum(data) != want {
		// The first is enough: one edited file is a reason to stop.
		return &EditedError{Dir: dir, File: file}
	}
	return nil
}

// writeFiles writes files below dir, which is made.
func writeFiles(dir string, files []File) error {
	for _, f := range files {
		// Paths of files have slashes on every system, as they stand in the manifest.
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(path.Dir(f.Path))), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(f.Path)), f.Data, 0o666); err != nil {
			return err
		}
	}
	return nil
}

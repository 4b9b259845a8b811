package emit

import "runtime/debug"

// Version is the tool's version, from the build: the module's, which a build inside the
// repository derives from tag and commit, or "devel" where the build does not know it
// (tests, go run).
var Version = buildVersion()

func buildVersion() string {
	// No constant to forget at a release; the hash of a design does not cover it (Files).
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

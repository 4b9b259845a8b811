package qonnx

import "fmt"

// notes returns what there is to say about a network beside its layers. Such a
// file is legal and may be right: hence a note and no error. Weights that lie
// on their grid were quantised when they were written, and say nothing
// (grid).
func (im *importer) notes() []string {
	if len(im.unrounded) == 0 || !im.g.fromBrevitas() {
		return nil
	}
	return []string{fmt.Sprintf("%d layers, from node %s on, have weights that were not quantised "+
		"when %s %s wrote the file. Of layers trained with A2Q or A2Q+, Brevitas from 0.12.1 on writes such weights "+
		"as they were before normalisation: then these are not the integers that were trained, and may need wider "+
		"accumulators; see docs/import.md",
		len(im.unrounded), im.unrounded[0].label(), clip(im.g.producer), clip(im.g.version))}
}

// fromBrevitas says that Brevitas may have written the file: it leaves that to
// PyTorch's exporter, whose name the file bears. Versions of Brevitas with A2Q
// want PyTorch 1.9.1 or later. The version is PyTorch's own: it bounds the
// file's age from below, no more.
func (g *graph) fromBrevitas() bool {
	var major, minor int
	if _, err := fmt.Sscanf(g.version, "%d.%d", &major, &minor); err != nil || g.producer != "pytorch" {
		return false
	}
	return major > 1 || major == 1 && minor >= 9
}

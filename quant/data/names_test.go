package data

import "testing"

// TestInFolder: the names in the list of OpenDir, and what training writes.
func TestInFolder(t *testing.T) {
	for name, want := range map[string]bool{
		"train-images-idx3-ubyte": true, "t10k-labels.idx1-ubyte.gz": true, "train-labels-idx1-ubyte": true,
		"data_batch_3.bin": true, "test_batch.bin.gz": true, "train.bin": true, "test.npz": true, "train.csv.gz": true,
		"cat.png": true, "cat.JPEG": true, ".hidden.png": false,
		"net.onnx": false, "net.onnx.ckpt": false, "net.metrics.csv": false,
		"net.metrics.svg": false, "waves.vcd": false,
	} {
		if got := InFolder(name); got != want {
			t.Errorf("InFolder(%q) = %v, want %v", name, got, want)
		}
	}
}

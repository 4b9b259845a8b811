package sim

import (
	"strings"
	"testing"
)

// TestInstanceHead finds heads however they are written.
func TestInstanceHead(t *testing.T) {
	for _, c := range []struct{ text, want, fails string }{
		{"mvau #(.A(1), .B(2)) u_x (.clk(c));", "mvau #(.A(1), .B(2)) u_x", ""},
		{"wire u_xy;\n  mvau u_x(.clk(c));", "mvau u_x", ""},
		{"mvau#(\n .A((1 + 2) * 3), // ) u_x (\n .M(\") u_x (\")\n)\nu_x\n(",
			"mvau#(\n .A((1 + 2) * 3), // ) u_x (\n .M(\") u_x (\")\n)\nu_x", ""},
		{"/* old u_x ( */ rom /* new */ # (.A(1)) /* name */ u_x (", "rom /* new */ # (.A(1)) /* name */ u_x", ""},
		{"mvau #(.A(1)) u_y (.clk(c));", "", "no instance u_x"},
		{"assign b = (a) u_x (", "", "no # before"},
		{"  .A(1)) u_x (", "", "brackets do not match"},
		{"; u_x (", "", "no module before"},
	} {
		from, to, err := instanceHead(c.text, "u_x")
		switch {
		case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
			t.Errorf("%q: %v, want an error with %q", c.text, err, c.fails)
		case c.fails == "" && (err != nil || c.text[from:to] != c.want):
			t.Errorf("%q: %q, %v, want %q", c.text, c.text[from:to], err, c.want)
		}
	}
}

package templates_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen/block/kinds"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/templates"
	"github.com/a2qgen/a2qgen/verilator"
)

// rule is what a module's header forbids, tried on both sides of its boundary. Parameters
// are those that differ from the defaults.
type rule struct {
	module, name   string // the guard instantiates a module <module>_needs_<name>
	legal, illegal string // parameters, "MH=5 PE=2"
}

// rules has every guard of the library (TestEveryRuleIsTried). Boundaries are those of the
// headers.
var rules = []rule{
	{"accumulator", "SUM_BITS_1_to_ACC_BITS", "SUM_BITS=1", "SUM_BITS=0"},
	{"accumulator", "SUM_BITS_1_to_ACC_BITS", "SUM_BITS=7 ACC_BITS=7", "SUM_BITS=8 ACC_BITS=7"},
	{"accumulator", "ACC_BITS_1_to_64", "SUM_BITS=1 ACC_BITS=1", "SUM_BITS=1 ACC_BITS=0"},
	{"accumulator", "ACC_BITS_1_to_64", "ACC_BITS=64", "ACC_BITS=65"},
	{"accumulator", "ONE_SUM_0_or_1", "ONE_SUM=1", "ONE_SUM=2"},
	{"add", "MH_at_least_1", "MH=1 PE=1 S_BITS=8", "MH=0 PE=1 S_BITS=8"},
	{"add", "PE_at_least_1", "PE=1 S_BITS=8", "PE=0 S_BITS=1"},
	{"add", "PE_to_divide_MH", "MH=6 PE=3 S_BITS=24", "MH=6 PE=4 S_BITS=32"},
	{"add", "OPERANDS_at_least_1", "OPERANDS=1 S_BITS=8", "OPERANDS=0 S_BITS=1"},
	{"add", "BITS_1_to_32", "BITS=64'h0000000100000004 S_BITS=10", "BITS=64'h0000000000000004 S_BITS=8"},
	{"add", "BITS_1_to_32", "BITS=64'h0000002000000004 INPUT_BITS=32 S_BITS=72",
		"BITS=64'h0000002100000004 INPUT_BITS=32 S_BITS=74"},
	{"add", "INPUT_BITS_1_to_32", "INPUT_BITS=1", "INPUT_BITS=0"},
	{"add", "INPUT_BITS_1_to_32", "INPUT_BITS=32", "INPUT_BITS=33"},
	{"add", "INPUT_SIGNED_0_or_1", "INPUT_SIGNED=1", "INPUT_SIGNED=2"},
	{"add", "INPUT_SIGNED_where_an_operand_is", "SIGNS=2'd2 INPUT_SIGNED=1", "SIGNS=2'd2"},
	{"add", "FACTOR_BITS_1_to_32", "FACTOR_BITS=1 FACTORS=2'd3", "FACTOR_BITS=0 FACTORS=1'd0"},
	{"add", "FACTOR_BITS_1_to_32", "FACTOR_BITS=32 FACTORS=64'h0000000100000001",
		"FACTOR_BITS=33 FACTORS=66'h000000020000000100"},
	{"add", "ACC_BITS_1_to_64", "ACC_BITS=1", "ACC_BITS=0"},
	{"add", "ACC_BITS_1_to_64", "ACC_BITS=64", "ACC_BITS=65"},
	{"add", "OUTPUT_BITS_0_to_16", "OUTPUT_BITS=0", "OUTPUT_BITS=-1"},
	{"add", "OUTPUT_BITS_0_to_16", "OUTPUT_BITS=16", "OUTPUT_BITS=17"},
	{"add", "S_BITS_as_derived", "S_BITS=16", "S_BITS=17"},
	{"add", "Y_BITS_as_derived", "OUTPUT_BITS=0 Y_BITS=8", "Y_BITS=8"},
	{"concat", "Y_BITS_no_fewer", "Y_BITS=4", "Y_BITS=3"},
	{"concat", "S_BITS_as_derived", "S_BITS=8", "S_BITS=9"},
	{"crop", "WIDTH_at_least_1", "WIDTH=1", "WIDTH=0"},
	{"crop", "STEP_at_least_1", "STEP=96'h000000010000000100000001", "STEP=96'h000000010000000000000001"},
	{"crop", "KEPT_at_least_1", "KEPT=96'h000000010000000100000001", "KEPT=96'h000000000000000200000001"},
	{"crop", "KEPT_below_SIZE", "KEPT=96'h000000020000000200000001", "KEPT=96'h000000030000000200000001"}, // of 3 from 1
	{"dot_product", "SIMD_at_least_1", "SIMD=1", "SIMD=0"},
	{"dot_product", "WEIGHT_BITS_1_to_32", "WEIGHT_BITS=1", "WEIGHT_BITS=0"},
	{"dot_product", "WEIGHT_BITS_1_to_32", "WEIGHT_BITS=32", "WEIGHT_BITS=33"},
	{"dot_product", "INPUT_BITS_1_to_32", "INPUT_BITS=1", "INPUT_BITS=0"},
	{"dot_product", "INPUT_BITS_1_to_32", "INPUT_BITS=32", "INPUT_BITS=33"},
	{"dot_product", "INPUT_SIGNED_0_or_1", "INPUT_SIGNED=1", "INPUT_SIGNED=-1"},
	{"dot_product", "ACC_BITS_1_to_64", "ACC_BITS=1", "ACC_BITS=0"},
	{"dot_product", "ACC_BITS_1_to_64", "ACC_BITS=64", "ACC_BITS=65"},
	{"dot_product", "PAIRS_0_or_1", "PAIRS=1", "PAIRS=2"},
	{"dot_product", "FIXED_0_or_1", "FIXED=1", "FIXED=2"},
	{"dot_product", "SUM_BITS_as_derived", "SUM_BITS=10", "SUM_BITS=11"}, // 4 + 4 + log2(4)
	{"fifo", "WIDTH_at_least_1", "WIDTH=1", "WIDTH=0"},
	{"fifo", "DEPTH_at_least_2", "DEPTH=2", "DEPTH=1"},
	{"frame_counter", "BEATS_at_least_1", "BEATS=1", "BEATS=0"},
	{"label_select", "MH_at_least_1", "MH=1 PE=1", "MH=0 PE=1"},
	{"label_select", "PE_at_least_1", "PE=1", "PE=0"},
	{"label_select", "PE_to_divide_MH", "MH=9 PE=3", "MH=9 PE=2"},
	{"label_select", "ACC_BITS_1_to_64", "ACC_BITS=1", "ACC_BITS=0"},
	{"label_select", "ACC_BITS_1_to_64", "ACC_BITS=64 SCORE_BITS=66", "ACC_BITS=65 SCORE_BITS=66"},
	{"label_select", "GAIN_SHIFT_below_SCORE_BITS", "GAIN_SHIFT=23", "GAIN_SHIFT=24"},
	{"label_select", "GAIN_BITS_at_least_1", "GAIN_BITS=1", "GAIN_BITS=0"},
	{"label_select", "SCORE_BITS_above_ACC_BITS", "SCORE_BITS=17", "SCORE_BITS=16"},
	{"label_select", "SCORE_BITS_above_GAIN_BITS", "GAIN_BITS=23 GAIN_SHIFT=-1", "GAIN_BITS=24 GAIN_SHIFT=-1"},
	{"label_select", "LABEL_BITS_1_to_32", "MH=1 PE=1 LABEL_BITS=1", "MH=1 PE=1 LABEL_BITS=0"},
	{"label_select", "LABEL_BITS_1_to_32", "LABEL_BITS=32", "LABEL_BITS=33"},
	{"label_select", "LABEL_BITS_for_MH", "MH=8 LABEL_BITS=3", "MH=9 PE=3 LABEL_BITS=3"},
	{"level_check", "DEPTH_at_least_1", "DEPTH=1", "DEPTH=0"},
	{"level_check", "LEVEL_BITS_1_to_32", "LEVEL_BITS=1", "LEVEL_BITS=0"},
	{"level_check", "LEVEL_BITS_1_to_32", "LEVEL_BITS=32", "LEVEL_BITS=33"},
	{"memory_file", "WIDTH_at_least_1", "WIDTH=1", "WIDTH=0"},
	{"memory_file", "DEPTH_at_least_1", "DEPTH=1", "DEPTH=0"},
	{"mvau", "MW_at_least_1", "MW=1 SIMD=1", "MW=0 SIMD=1"},
	{"mvau", "MH_at_least_1", "MH=1 PE=1", "MH=0 PE=1"},
	{"mvau", "PE_at_least_1", "PE=1", "PE=0"},
	{"mvau", "SIMD_at_least_1", "SIMD=1", "SIMD=0"},
	{"mvau", "PE_to_divide_MH", "MH=5 PE=5", "MH=5 PE=2"}, // drops a row
	{"mvau", "SIMD_to_divide_MW", "MW=15 SIMD=3", "MW=15 SIMD=4"},
	{"mvau", "WEIGHT_BITS_1_to_32", "WEIGHT_BITS=1", "WEIGHT_BITS=0"},
	{"mvau", "WEIGHT_BITS_1_to_32", "WEIGHT_BITS=32", "WEIGHT_BITS=33"},
	{"mvau", "INPUT_BITS_1_to_32", "INPUT_BITS=1", "INPUT_BITS=0"},
	{"mvau", "INPUT_BITS_1_to_32", "INPUT_BITS=32", "INPUT_BITS=33"},
	{"mvau", "INPUT_SIGNED_0_or_1", "INPUT_SIGNED=1", "INPUT_SIGNED=2"},
	{"mvau", "ACC_BITS_1_to_64", "ACC_BITS=1", "ACC_BITS=0"},
	{"mvau", "ACC_BITS_1_to_64", "ACC_BITS=64", "ACC_BITS=65"},
	{"mvau", "SIGNS_0_or_1", "SIGNS=1 WEIGHT_BITS=1", "SIGNS=2 WEIGHT_BITS=1"},
	{"mvau", "WEIGHT_BITS_1_of_SIGNS", "SIGNS=1 WEIGHT_BITS=1", "SIGNS=1 WEIGHT_BITS=2"},
	// No tree to subtract in, but one to count in.
	{"mvau", "SIMD_above_1_of_SIGNS", "SIGNS=1 WEIGHT_BITS=1 SIMD=1 INPUT_BITS=1", "SIGNS=1 WEIGHT_BITS=1 SIMD=1"},
	{"mvau", "PAIRS_0_or_1", "PAIRS=1", "PAIRS=2"},
	{"mvau", "OUTPUT_BITS_0_to_16", "OUTPUT_BITS=0", "OUTPUT_BITS=-1"},
	{"mvau", "OUTPUT_BITS_0_to_16", "OUTPUT_BITS=16", "OUTPUT_BITS=17"},
	{"mvau", "BLOCK_0_or_1", "BLOCK=1", "BLOCK=2"},
	{"mvau", "SHIFTED_0_or_1", "SHIFTED=1", "SHIFTED=2"},
	{"mvau", "Y_BITS_as_derived", "OUTPUT_BITS=0 Y_BITS=12", "Y_BITS=12"},
	{"mvau", "X_BITS_as_derived", "DEPTHWISE=1 X_BITS=32", "X_BITS=32"},
	{"overflow_check", "SIMD_at_least_1", "SIMD=1", "SIMD=0"},
	{"overflow_check", "WEIGHT_BITS_1_to_32", "WEIGHT_BITS=1", "WEIGHT_BITS=0"},
	{"overflow_check", "WEIGHT_BITS_1_to_32", "WEIGHT_BITS=32", "WEIGHT_BITS=33"},
	{"overflow_check", "INPUT_BITS_1_to_32", "INPUT_BITS=1", "INPUT_BITS=0"},
	{"overflow_check", "INPUT_BITS_1_to_32", "INPUT_BITS=32", "INPUT_BITS=33"},
	{"overflow_check", "INPUT_SIGNED_0_or_1", "INPUT_SIGNED=1", "INPUT_SIGNED=2"},
	{"overflow_check", "SIGNS_0_or_1", "SIGNS=1", "SIGNS=2"},
	{"overflow_check", "ACC_BITS_1_to_64", "ACC_BITS=1", "ACC_BITS=0"},
	{"overflow_check", "ACC_BITS_1_to_64", "ACC_BITS=64", "ACC_BITS=65"},
	{"overflow_check", "STAGES_at_least_1", "STAGES=1", "STAGES=0"},
	{"pair_product", "WEIGHT_BITS_at_least_1", "WEIGHT_BITS=1", "WEIGHT_BITS=0"},
	{"pair_product", "INPUT_BITS_at_least_1", "INPUT_BITS=1", "INPUT_BITS=0"},
	{"pair_product", "INPUT_SIGNED_0_or_1", "INPUT_SIGNED=1", "INPUT_SIGNED=2"},
	{"pair_product", "FIXED_0_or_1", "FIXED=1", "FIXED=2"},
	{"product", "WEIGHT_BITS_at_least_1", "WEIGHT_BITS=1", "WEIGHT_BITS=0"},
	{"product", "INPUT_BITS_at_least_1", "INPUT_BITS=1", "INPUT_BITS=0"},
	{"product", "INPUT_SIGNED_0_or_1", "INPUT_SIGNED=1", "INPUT_SIGNED=2"},
	{"replay_buffer", "WIDTH_at_least_1", "WIDTH=1", "WIDTH=0"},
	{"replay_buffer", "LENGTH_at_least_1", "LENGTH=1", "LENGTH=0"},
	{"replay_buffer", "REPEATS_at_least_2", "REPEATS=2", "REPEATS=1"},
	{"rom", "WIDTH_at_least_1", "WIDTH=1", "WIDTH=0"},
	{"rom", "DEPTH_at_least_1", "DEPTH=1", "DEPTH=0"},
	{"rom", "BLOCK_0_or_1", "BLOCK=1", "BLOCK=2"},
	{"rom", "ADDR_BITS_as_derived", "DEPTH=5 ADDR_BITS=3", "DEPTH=5 ADDR_BITS=2"},
	{"spill_register", "WIDTH_at_least_1", "WIDTH=1", "WIDTH=0"},
	{"threshold_stage", "PE_at_least_1", "PE=1", "PE=0"},
	{"threshold_stage", "FOLDS_at_least_1", "FOLDS=1", "FOLDS=0"},
	{"threshold_stage", "STAGE_0_to_15", "STAGE=0", "STAGE=-1"},
	{"threshold_stage", "STAGE_0_to_15", "STAGE=15 FOLDS=1", "STAGE=16 FOLDS=1"},
	{"threshold_stage", "ACC_BITS_1_to_64", "ACC_BITS=1", "ACC_BITS=0"},
	{"threshold_stage", "ACC_BITS_1_to_64", "ACC_BITS=64 THRESHOLD_BITS=66", "ACC_BITS=65 THRESHOLD_BITS=66"},
	{"threshold_stage", "THRESHOLD_BITS_at_least_ACC_BITS", "THRESHOLD_BITS=8", "THRESHOLD_BITS=7"},
	{"threshold_stage", "FOLD_BITS_as_derived", "FOLDS=5 FOLD_BITS=3", "FOLDS=5 FOLD_BITS=2"},
	{"threshold_stage", "FOUND_BITS_as_derived", "STAGE=3 FOUND_BITS=3", "STAGE=3 FOUND_BITS=2"},
	{"pool", "ACC_BITS_as_INPUT_BITS", "MAXIMUM=1 ACC_BITS=4", "MAXIMUM=1 ACC_BITS=5"},
	{"line_buffer", "START_at_most_0", "START=0", "START=1"},
	{"start_values", "FOLD_BITS_as_derived", "FOLDS=5 FOLD_BITS=3", "FOLDS=5 FOLD_BITS=2"},
	{"staircase", "STEPS_BITS_as_derived", "STEPS_BITS=33", "STEPS_BITS=34"}, // 3 steps of 10+1 bits
	{"tap_accumulator", "SUM_BITS_1_to_ACC_BITS", "SUM_BITS=1", "SUM_BITS=0"},
	{"tap_accumulator", "SUM_BITS_1_to_ACC_BITS", "SUM_BITS=7 ACC_BITS=7", "SUM_BITS=8 ACC_BITS=7"},
	{"tap_accumulator", "ACC_BITS_1_to_64", "SUM_BITS=1 ACC_BITS=1", "SUM_BITS=1 ACC_BITS=0"},
	{"tap_accumulator", "ACC_BITS_1_to_64", "ACC_BITS=64", "ACC_BITS=65"},
	{"tap_buffer", "LENGTH_at_least_1", "LENGTH=1 SIMD=1", "LENGTH=0 SIMD=1"},
	{"tap_buffer", "SIMD_at_least_1", "SIMD=1", "SIMD=0"},
	{"tap_buffer", "SIMD_to_divide_LENGTH", "LENGTH=10", "LENGTH=11"},
	{"tap_buffer", "SIMD_to_divide_BANKS", "BANKS=6", "BANKS=5"},
	{"tap_buffer", "SLOT_BITS_as_derived", "SLOT_BITS=2", "SLOT_BITS=3"}, // 12 elements in 4 banks
	{"tap_check", "STAGES_at_least_0", "STAGES=0", "STAGES=-1"},
	{"tap_tree", "SUM_BITS_as_derived", "SUM_BITS=7", "SUM_BITS=8"}, // 4 bits, a sign, log2(4)
	{"tap_unit", "MW_at_least_1", "MW=1 SIMD=1", "MW=0 SIMD=1"},
	{"tap_unit", "PE_to_divide_MH", "PE=2", "PE=3"},
	{"tap_unit", "STEPS_at_least_MH_over_PE", "STEPS=4", "STEPS=3"},
	{"tap_unit", "STEPS_at_least_READ_STAGES", "READ_STAGES=8", "READ_STAGES=9"},
	{"tap_window", "SIMD_a_power_of_two", "SIMD=2 SLOT_BITS=4", "SIMD=3 SLOT_BITS=5"},
	{"tap_window", "DEPTH_a_power_of_two", "DEPTH=16", "DEPTH=12"},
	{"tap_window", "SLOT_BITS_as_derived", "SPAN=6 SLOT_BITS=3", "SPAN=6 SLOT_BITS=4"},
	{"tap_unit", "Y_BITS_as_derived", "OUTPUT_BITS=0 Y_BITS=8", "Y_BITS=8"},
	{"thresholds", "PE_at_least_1", "PE=1", "PE=0"},
	{"thresholds", "FOLDS_at_least_1", "FOLDS=1", "FOLDS=0"},
	{"thresholds", "ACC_BITS_1_to_64", "ACC_BITS=1 THRESHOLD_BITS=1", "ACC_BITS=0 THRESHOLD_BITS=1"},
	{"thresholds", "ACC_BITS_1_to_64", "ACC_BITS=64 THRESHOLD_BITS=65", "ACC_BITS=65 THRESHOLD_BITS=65"},
	{"thresholds", "THRESHOLD_BITS_at_least_ACC_BITS", "THRESHOLD_BITS=8", "THRESHOLD_BITS=7"},
	{"thresholds", "THRESHOLD_BITS_at_most_ACC_BITS_plus_1", "THRESHOLD_BITS=9", "THRESHOLD_BITS=10"},
	{"thresholds", "OUTPUT_BITS_1_to_16", "OUTPUT_BITS=1", "OUTPUT_BITS=0"},
	{"thresholds", "OUTPUT_BITS_1_to_16", "OUTPUT_BITS=16 FOLDS=1", "OUTPUT_BITS=17 FOLDS=1"},
	{"thresholds", "OUTPUT_SIGNED_0_or_1", "OUTPUT_SIGNED=1", "OUTPUT_SIGNED=2"},
	{"thresholds", "INVERT_0_or_1", "INVERT=1", "INVERT=2"},
	{"thresholds", "FOLD_BITS_as_derived", "FOLDS=5 FOLD_BITS=3", "FOLDS=5 FOLD_BITS=2"},
	{"tlast_check", "BEATS_at_least_1", "BEATS=1", "BEATS=0"},
	{"width_converter", "WORD_at_least_1", "WORD=1", "WORD=0"},
	{"width_converter", "S_WORDS_at_least_1", "S_WORDS=1", "S_WORDS=0"},
	{"width_converter", "M_WORDS_at_least_1", "M_WORDS=1", "M_WORDS=0"},
	{"width_converter", "M_WORDS_unlike_S_WORDS", "S_WORDS=3 M_WORDS=6", "S_WORDS=3 M_WORDS=3"},
	{"width_converter", "RATIO_whole", "S_WORDS=3 M_WORDS=9", "S_WORDS=3 M_WORDS=10"},
	{"width_converter", "RATIO_whole", "S_WORDS=9 M_WORDS=3", "S_WORDS=10 M_WORDS=3"},
	{"xnor_count", "SIMD_at_least_1", "SIMD=1", "SIMD=0"},
	{"xnor_count", "ACC_BITS_1_to_64", "ACC_BITS=1", "ACC_BITS=0"},
	{"xnor_count", "ACC_BITS_1_to_64", "ACC_BITS=64", "ACC_BITS=65"},
	{"xnor_count", "SUM_BITS_as_derived", "SUM_BITS=6", "SUM_BITS=5"}, // 16 is 5 bits, and a sign
}

// ownRules has the guards whose boundaries follow from their names, for a parameter that can be
// alone at its boundary: a module whose other defaults do not allow that has rows in rules. So a
// new module that states its ranges needs none.
func ownRules() []rule {
	listed := map[string]bool{}
	for _, r := range rules {
		listed[r.module+"_needs_"+r.name] = true
	}
	all := rules
	for _, m := range templates.Modules() {
		for _, g := range guardName.FindAllStringSubmatch(string(templates.Module(m)), -1) {
			if !listed[g[1]+"_needs_"+g[2]] {
				all = append(all, boundaries(m, g[2])...)
			}
		}
	}
	return all
}

var (
	leastName = regexp.MustCompile(`^([A-Z][A-Z0-9_]*)_at_least_(\d+)$`)
	spanName  = regexp.MustCompile(`^([A-Z][A-Z0-9_]*)_(\d+)_to_(\d+)$`)
	flagName  = regexp.MustCompile(`^([A-Z][A-Z0-9_]*)_0_or_1$`)
)

// boundaries returns the rows of a guard by its name.
func boundaries(module, name string) []rule {
	row := func(parameter string, legal, illegal int) rule {
		return rule{module, name, fmt.Sprint(parameter, "=", legal), fmt.Sprint(parameter, "=", illegal)}
	}
	if g := leastName.FindStringSubmatch(name); g != nil {
		least, _ := strconv.Atoi(g[2])
		return []rule{row(g[1], least, least-1)}
	}
	if g := spanName.FindStringSubmatch(name); g != nil {
		from, _ := strconv.Atoi(g[2])
		to, _ := strconv.Atoi(g[3])
		return []rule{row(g[1], from, from-1), row(g[1], to, to+1)}
	}
	if g := flagName.FindStringSubmatch(name); g != nil {
		return []rule{row(g[1], 1, 2)}
	}
	return nil
}

// oddParameters are prime and unequal, so that no width or count equals another by chance.
var oddParameters = map[string]string{
	"accumulator": "SUM_BITS=7 ACC_BITS=13",
	"add": "MH=35 PE=5 OPERANDS=3 BITS=96'h000000020000000700000003 SIGNS=3'd5 INPUT_BITS=11 INPUT_SIGNED=1 " +
		"FACTOR_BITS=4 FACTORS=12'h715 ACC_BITS=17 OUTPUT_BITS=3 OUTPUT_SIGNED=1 INVERT=1 S_BITS=60",
	// 5 elements of 3, 7 and 2 bits.
	"concat": "OPERANDS=3 PE=5 BEATS=96'h000000020000000700000003 BITS=96'h000000020000000700000003 SIGNS=3'd5 " +
		"Y_BITS=11 S_BITS=60",
	"crop": "WIDTH=13 SIZE=96'h00000007000000050000000b FIRST=96'h000000010000000200000003 " +
		"STEP=96'h000000020000000100000003 KEPT=96'h000000030000000200000002",
	"dot_product":   "SIMD=7 WEIGHT_BITS=5 INPUT_BITS=3 INPUT_SIGNED=1 ACC_BITS=11",
	"fifo":          "WIDTH=13 DEPTH=7",
	"frame_counter": "BEATS=7",
	"label_select":  "MH=35 PE=5 ACC_BITS=11 GAIN_SHIFT=-1 GAIN_BITS=7 SCORE_BITS=23 LABEL_BITS=13",
	"level_check":   "DEPTH=11 LEVEL_BITS=5",
	"memory_file":   "WIDTH=13 DEPTH=7",
	"mvau": "MW=77 MH=65 PE=5 SIMD=7 WEIGHT_BITS=3 INPUT_BITS=2 INPUT_SIGNED=1 ACC_BITS=17 PAIRS=1 " +
		"OUTPUT_BITS=3 OUTPUT_SIGNED=1 INVERT=1 SHIFTED=1",
	"overflow_check":  "SIMD=7 WEIGHT_BITS=5 INPUT_BITS=3 INPUT_SIGNED=1 ACC_BITS=11 STAGES=5",
	"pair_product":    "WEIGHT_BITS=7 INPUT_BITS=5 INPUT_SIGNED=1",
	"product":         "WEIGHT_BITS=7 INPUT_BITS=5 INPUT_SIGNED=1",
	"replay_buffer":   "WIDTH=13 LENGTH=7 REPEATS=5",
	"rom":             "WIDTH=13 DEPTH=11",
	"sim_stop":        "",
	"spill_register":  "WIDTH=13",
	"staircase":       "BITS=11 OUTPUT_BITS=3 ORIGIN=11'd77 FLIP=3'd7",
	"start_values":    "WIDTH=13 FOLDS=7",
	"sum_check":       "ACC_BITS=13",
	"tap_accumulator": "SUM_BITS=7 ACC_BITS=13",
	"tap_buffer":      "WIDTH=5 LENGTH=33 SIMD=3 BANKS=21 COPIES=2 READ_STAGES=3",
	"tap_check":       "LANES=7 INPUT_BITS=3 INPUT_SIGNED=1 ACC_BITS=11 STAGES=3",
	"tap_window": "WIDTH=5 LANES=3 DEPTH=64 SPAN=29 COLUMNS=7 ROWS=5 RIGHT=3 DOWN=11 NEXT=31 COUNT_BITS=9 " +
		"READ_STAGES=2",
	"tap_tree":        "LANES=11 INPUT_BITS=3 INPUT_SIGNED=1 ACC_BITS=5",
	"threshold_stage": "PE=3 FOLDS=7 STAGE=2 ACC_BITS=11 THRESHOLD_BITS=13",
	"thresholds":      "PE=3 FOLDS=7 ACC_BITS=11 THRESHOLD_BITS=12 OUTPUT_BITS=5 INVERT=1",
	"tlast_check":     "BEATS=7",
	"width_converter": "WORD=5 S_WORDS=21 M_WORDS=7",
	"xnor_count":      "SIMD=29 ACC_BITS=11",
}

// TestLintParameters: every module passes verilator -Wall without a waiver with its defaults,
// with odd parameters, and at both sides of every range.
func TestLintParameters(t *testing.T) {
	tooltest.Need(t, "verilator")
	for _, m := range templates.Modules() {
		lint(t, m, "")
		sets := blockParameters(m)
		if odd, ok := oddParameters[m]; ok {
			sets = append(sets, odd)
		}
		if sets == nil {
			t.Errorf("%s: no odd parameters", m)
		}
		for _, set := range sets {
			lint(t, m, set)
		}
	}
	for _, r := range ownRules() {
		lint(t, r.module, r.legal)
	}
}

// blockParameters returns the parameters of some samples of the kind of block that a module is.
func blockParameters(module string) (sets []string) {
	for _, k := range kinds.All {
		if _, listed := oddParameters[module]; listed || k.Name != module {
			continue
		}
		samples := k.Sweep()
		for i := 0; i < len(samples); i += max(1, len(samples)/3) {
			b, _ := k.Build(samples[i])
			var set []string
			for _, p := range b.Parameters() {
				// Lint would look for a file; -G takes numbers alone.
				if !p.File && !strings.Contains(p.Value, "{") {
					set = append(set, p.Name+"="+p.Value)
				}
			}
			sets = append(sets, strings.Join(set, " "))
		}
	}
	return sets
}

func lint(t *testing.T, module, parameters string) {
	t.Run(module+"/"+parameters, func(t *testing.T) {
		t.Parallel()
		if err := verilator.LintWith(t.Context(), strings.Fields(parameters), module+".v"); err != nil {
			t.Error(err)
		}
	})
}

// otherRefusal is what Verilator says where it stops before it comes to the guard: a
// constant that the forbidden value leaves without one, or a submodule's guard.
var otherRefusal = map[string]string{
	"add PE=0 S_BITS=1":                      "Expecting expression to be constant",
	"add INPUT_BITS=0":                       "product_needs_INPUT_BITS_at_least_1",
	"add FACTOR_BITS=0 FACTORS=1'd0":         "product_needs_WEIGHT_BITS_at_least_1",
	"add OPERANDS=0 S_BITS=1":                "Replication value of 0",
	"add ACC_BITS=0":                         "Replication value of 0",
	"line_buffer LEVELS=0":                   "Replication value of 0",
	"line_buffer READS=0":                    "Replication value of 0",
	"line_buffer WIDTH=0":                    "Replication value of 0",
	"pad WIDTH=0":                            "Replication value of 0",
	"dot_product WEIGHT_BITS=0":              "product_needs_WEIGHT_BITS_at_least_1",
	"label_select PE=0":                      "Expecting expression to be constant",
	"mvau PE=0":                              "Expecting expression to be constant",
	"mvau SIMD=0":                            "Can't convert defparam value to constant",
	"mvau WEIGHT_BITS=0":                     "product_needs_WEIGHT_BITS_at_least_1",
	"mvau INPUT_BITS=0":                      "product_needs_INPUT_BITS_at_least_1",
	"mvau ACC_BITS=0":                        "Replication value of 0",
	"tap_buffer SIMD=0":                      "toUInt with 4-state",
	"tap_check LANES=0":                      "Can't find definition of 'so_far'",
	"tap_unit PE=0":                          "Expecting expression to be constant",
	"tap_unit READ_STAGES=0":                 "Can't find definition of 'held'",
	"overflow_check SIMD=0":                  "Can't find definition of 'so_far'",
	"thresholds ACC_BITS=0 THRESHOLD_BITS=1": "threshold_stage_needs_ACC_BITS_1_to_64",
	"thresholds OUTPUT_BITS=0":               "Replication value of 0",
	"width_converter S_WORDS=0":              "Expecting expression to be constant",
	"width_converter M_WORDS=0":              "Expecting expression to be constant",
}

// TestVerilatorRefuses: Verilator refuses every illegal row, built as a simulation is, with
// no warning fatal. One row per run: it stops at the first kind of error.
func TestVerilatorRefuses(t *testing.T) {
	tooltest.Need(t, "verilator")
	for _, r := range ownRules() {
		t.Run(r.module+"/"+r.illegal, func(t *testing.T) {
			t.Parallel()
			args := []string{"--lint-only", "-Wno-fatal", "-Wno-lint", "-Wno-style", "--top-module", r.module, "-y",
				"."}
			for _, p := range strings.Fields(r.illegal) {
				args = append(args, "-G"+p)
			}
			want := r.module + "_needs_" + r.name
			if other := otherRefusal[r.module+" "+r.illegal]; other != "" {
				want = other
			}
			out, err := exec.Command("verilator", append(args, r.module+".v")...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), want) {
				t.Errorf("%v, want a refusal with %s:\n%s", err, want, out)
			}
		})
	}
}

// together writes a module "all" with one instance for each row.
func together(t *testing.T, parameters func(rule) string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("module all;\n")
	for i, r := range ownRules() {
		var set []string
		for _, p := range strings.Fields(parameters(r)) {
			name, value, _ := strings.Cut(p, "=")
			set = append(set, fmt.Sprintf(".%s(%s)", name, value))
		}
		fmt.Fprintf(&b, "    %s #(%s) u_%d ();\n", r.module, strings.Join(set, ", "), i)
	}
	b.WriteString("endmodule\n")
	path := filepath.Join(t.TempDir(), "all.v")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestIcarusRefuses: Icarus elaborates all legal rows, and names the rule of every illegal one.
func TestIcarusRefuses(t *testing.T) {
	tooltest.Need(t, "iverilog")
	checkTogether(t, func(all string) ([]byte, error) {
		return exec.Command("iverilog", "-g2005", "-s", "all", "-t", "null", "-y", ".", all).CombinedOutput()
	})
}

// TestYosysRefuses: so does Yosys. It stops at the first module that it does not find, as
// every synth_* command does, so the others are read off its statistics.
func TestYosysRefuses(t *testing.T) {
	tooltest.Need(t, "yosys")
	checkTogether(t, func(all string) ([]byte, error) {
		return exec.Command("yosys", "-q", "-p", "read_verilog *.v "+all+
			"; hierarchy -top all; tee -o /dev/stdout stat; hierarchy -check -top all").CombinedOutput()
	})
}

func checkTogether(t *testing.T, elaborate func(all string) ([]byte, error)) {
	t.Helper()
	out, err := elaborate(together(t, func(r rule) string { return r.legal }))
	if err != nil || strings.Contains(string(out), "_needs_") {
		t.Errorf("legal: %v\n%s", err, out)
	}
	if out, err = elaborate(together(t, func(r rule) string { return r.illegal })); err == nil {
		t.Error("illegal: want an exit status")
	}
	for _, r := range ownRules() {
		if want := r.module + "_needs_" + r.name; !regexp.MustCompile(want + `\b`).Match(out) {
			t.Errorf("%s %s: want %s", r.module, r.illegal, want)
		}
	}
}

var (
	guardName    = regexp.MustCompile(`(?m)^ +(\w+)_needs_(\w+) u_refused \(\);$`)
	headerEntry  = regexp.MustCompile(`(?m)^//   ([A-Z][A-Z0-9_]*(?:, [A-Z][A-Z0-9_]*)*) {2,}(.*(?:\n// {6,}.*)*)`)
	declaration  = regexp.MustCompile(`(?m)^    parameter (integer )?(\w+)`)
	atLeast      = regexp.MustCompile(`>= (\d+)`)
	span         = regexp.MustCompile(`(\d+)\.\.(\w+)`)
	flag, nought = regexp.MustCompile(`\b1: `), regexp.MustCompile(`\b0: `)
)

// TestEveryRuleIsTried: each guard has its rows, and each row its guard.
func TestEveryRuleIsTried(t *testing.T) {
	tried := map[string]bool{}
	for _, r := range ownRules() {
		tried[r.module+"_needs_"+r.name] = true
	}
	for _, m := range templates.Modules() {
		for _, g := range guardName.FindAllStringSubmatch(string(templates.Module(m)), -1) {
			name := g[1] + "_needs_" + g[2]
			if g[1] != m || !tried[name] {
				t.Errorf("%s.v: guard %s is not in the table", m, name)
			}
			delete(tried, name)
		}
	}
	for name := range tried {
		t.Errorf("no module has a guard %s", name)
	}
}

// TestEveryRangeIsGuarded: a header documents every parameter, and a guard of the same words
// stands for each range that it states: a new parameter cannot be forgotten.
func TestEveryRangeIsGuarded(t *testing.T) {
	for _, m := range templates.Modules() {
		text := string(templates.Module(m))
		doc, guards := map[string]string{}, ""
		header, body, _ := strings.Cut(text, "`default_nettype none")
		for _, e := range headerEntry.FindAllStringSubmatch(header, -1) {
			for _, name := range strings.Split(e[1], ", ") {
				doc[name] = e[2]
			}
		}
		for _, g := range guardName.FindAllStringSubmatch(body, -1) {
			guards += " " + g[2] + " "
		}
		for _, d := range declaration.FindAllStringSubmatch(body, -1) {
			if doc[d[2]] == "" {
				t.Errorf("%s.v: the header does not say what %s is", m, d[2])
			}
			if d[1] == "" || strings.HasPrefix(doc[d[2]], "see ") {
				continue // the name of a file; a submodule's parameter
			}
			for _, want := range wantGuards(d[2], doc[d[2]]) {
				if !strings.Contains(guards, want) {
					t.Errorf("%s.v: %s is %q, want a guard %s", m, d[2], doc[d[2]], strings.TrimSpace(want))
				}
			}
		}
	}
}

// wantGuards returns what the guards' names must contain for a parameter and its doc.
func wantGuards(name, doc string) []string {
	want := []string{name}
	for _, r := range atLeast.FindAllStringSubmatch(doc, -1) {
		want = append(want, " "+name+"_at_least_"+r[1]+" ")
	}
	for _, r := range span.FindAllStringSubmatch(doc, -1) {
		want = append(want, " "+name+"_"+r[1]+"_to_"+r[2]+" ")
	}
	if flag.MatchString(doc) && nought.MatchString(doc) {
		want = append(want, " "+name+"_0_or_1 ")
	}
	if strings.Contains(doc, "derived") {
		want = append(want, " "+name+"_as_derived ")
	}
	return want
}

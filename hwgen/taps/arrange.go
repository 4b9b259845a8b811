package taps

import (
	"math"
	"math/rand/v2"
)

// Exchanges of two columns that pay, and weights that they move, on the average: a third of a
// second's work for a layer of 256 x 256 with a budget, after which twice as many exchanges save
// another percent of the steps.
const (
	mostSwaps = 200_000
	mostMoved = 4_000_000
)

// Arrange looks for an order of a matrix's columns in which New takes few steps with so many
// interleaved banks: order[i] is the column that comes i-th. It returns the order, and the steps.
// The result depends on the arguments alone.
//
// It is simulated annealing over exchanges of two columns. An effort of 1 is as many as pay.
// A vector may come in any order where the unit before it can emit its rows in that order.
func Arrange(weights []int32, in, pe, banks int, effort float64) (order []int, steps int) {
	a := newArrangement(weights, in, pe, banks)
	// Few columns have few orders: each pair is tried often enough. Of a row of many taps many stay
	// uneven whatever is tried.
	swaps := int(effort * float64(min(mostSwaps, 20*in*in, mostMoved*in/(1+a.count))))
	// Any seed will do, as long as it is the same each time: a plan can be made again.
	rng := rand.New(rand.NewPCG(1, 0))
	const hot, cold = 1.0, 0.05 // in steps: what an exchange may cost at first, and at last
	for i := range swaps {
		if a.length == a.ideal {
			break
		}
		from, to := rng.IntN(in), rng.IntN(in)
		if from%banks == to%banks {
			continue // the same bank: nothing changes
		}
		temperature := hot * math.Pow(cold/hot, float64(i)/float64(swaps))
		before := a.cost()
		a.swap(from, to)
		if worse := a.cost() - before; worse > 0 && rng.Float64() >= math.Exp(-worse/temperature) {
			a.swap(from, to)
		}
	}
	return a.order, a.length
}

// arrangement is an order of columns, and what it costs. Rows that are done at once are a group.
type arrangement struct {
	pe, banks int
	order     []int
	taps      [][]tapsOf // of each column
	count     int        // weights that are not 0
	load      []int32    // taps of each group in each of its PE*banks lanes
	lanes     [][]int32  // lanes[group][n]: how many lanes of the group have n taps
	longest   []int32    // taps of each group's fullest lane, at least 1
	length    int        // the sum of longest
	ideal     int        // no order takes fewer steps
	excess    int        // taps beyond those of an even group, of all lanes
	even      []int32    // steps of each group were its taps spread evenly
}

// tapsOf are the taps of a column in a row.
type tapsOf struct {
	row   int
	count int32
}

func newArrangement(weights []int32, in, pe, banks int) *arrangement {
	rows := len(weights) / in
	groups := rows / pe
	a := &arrangement{pe: pe, banks: banks, taps: make([][]tapsOf, in), load: make([]int32, rows*banks),
		lanes: make([][]int32, groups), longest: make([]int32, groups), even: make([]int32, groups)}
	most := make([]int32, groups) // taps of each group's fullest row
	for row := range rows {
		total := int32(0)
		for column, w := range weights[row*in : (row+1)*in] {
			if w == 0 {
				continue
			}
			a.taps[column] = append(a.taps[column], tapsOf{row, int32(abs(w))})
			a.count++
			total += int32(abs(w))
		}
		most[row/pe] = max(most[row/pe], total)
	}
	for g, n := range most {
		a.even[g] = max(1, (n+int32(banks)-1)/int32(banks))
		a.ideal += int(a.even[g])
		a.longest[g], a.length = 1, a.length+1
		a.lanes[g] = make([]int32, n+2)
		a.lanes[g][0] = int32(pe * banks)
	}
	for column := range in {
		a.order = append(a.order, column)
		for _, t := range a.taps[column] {
			a.add(t.row, column%banks, t.count)
		}
	}
	return a
}

// cost is what annealing makes small: steps, and between equals the taps that lie uneven, of which
// the next exchange may save a step.
func (a *arrangement) cost() float64 { return float64(a.length) + 0.1*float64(a.excess) }

// swap exchanges the columns at two places.
func (a *arrangement) swap(i, j int) {
	a.move(a.order[i], i%a.banks, j%a.banks)
	a.move(a.order[j], j%a.banks, i%a.banks)
	a.order[i], a.order[j] = a.order[j], a.order[i]
}

// move takes a column's taps from one bank to another.
func (a *arrangement) move(column, from, to int) {
	for _, t := range a.taps[column] {
		a.add(t.row, from, -t.count)
		a.add(t.row, to, t.count)
	}
}

// add changes the taps of a row in a bank.
func (a *arrangement) add(row, bank int, n int32) {
	group := row / a.pe
	lanes, even := a.lanes[group], a.even[group]
	at := &a.load[row*a.banks+bank]
	a.excess -= int(max(0, *at-even))
	lanes[*at]--
	*at += n
	lanes[*at]++
	a.excess += int(max(0, *at-even))
	longest := max(a.longest[group], *at)
	for longest > 1 && lanes[longest] == 0 {
		longest--
	}
	a.length += int(longest - a.longest[group])
	a.longest[group] = longest
}

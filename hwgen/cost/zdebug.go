package cost
import "fmt"
func Debug(samples []Sample, kinds []string) {
 m := &Model{Coefficients: map[string]map[string]float64{}, Products: productTable(samples)}
 for _, k := range kinds {
  if err := m.fitKind(k, samples); err != nil { fmt.Println(err) }
  fmt.Println(k, m.Coefficients[k])
  for _, s := range samples { if s.Kind==k { r := m.block(s.Unit().Block)
   fmt.Printf("%-70s LUT %5d %5d (%+.1f%%) FF %5d %5d %+d  BR %d %v inv %d carry %d\n", s.params(), s.Counts.LUT, r.LUT, 100*float64(r.LUT-s.Counts.LUT)/float64(max(1,s.Counts.LUT)), s.Counts.FF, r.FF, r.FF-s.Counts.FF, s.Counts.RAMB18, r.BRAM36*2, s.Counts.Inv, s.Counts.Carry4) }}
  fmt.Println("train", m.errorOn(samples,k,false)); fmt.Println("held", m.errorOn(samples,k,true))
 }
}

package main
import ("os";"fmt";"github.com/a2qgen/a2qgen/hwgen/cost")
func main(){ f,_:=os.Open("hwgen/cost/data/xc7.csv"); s,err:=cost.ReadSamples(f); if err!=nil {panic(err)}
 cost.Debug(s, os.Args[1:]) ; fmt.Println() }

package hardwired_test
import ("testing";"os";"github.com/a2qgen/a2qgen/hwgen";"github.com/a2qgen/a2qgen/hwgen/emit")
func TestDump(t *testing.T){ for i,c:=range kind.Cases { x,err:=emit.Generated(c.Block.(hwgen.Generated),"fc_hardwired"); if err!=nil{t.Fatal(err)}; os.MkdirAll("/tmp/dump",0o755); os.WriteFile("/tmp/dump/c"+string(rune('0'+i))+".v",x,0o644)}}

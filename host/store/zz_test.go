package store
import ("testing";"time";"fmt";"os";"runtime";"slices";"strings";"path/filepath")
func wb() int64 { b,_:=os.ReadFile("/proc/self/io"); var n int64; for l:=range strings.Lines(string(b)) { if strings.HasPrefix(l,"write_bytes:") { fmt.Sscanf(l,"write_bytes: %d",&n)}}; return n}
func TestZZpace(t *testing.T){
 for _,kind:=range []string{"plain","log","plain","log"} {
  var took []time.Duration
  var do func()
  stop:=func(){}
  if kind=="plain" { f,_:=os.Create(filepath.Join(t.TempDir(),"p")); d:=make([]byte,200); do=func(){f.Write(d);syncFile(f)} } else {
   l,s:=start(t,t.TempDir(),Config{}); stop=s; r:=batch(1); do=func(){ if _,err:=l.Append(t.Context(),r);err!=nil{t.Fatal(err)} } }
  w0:=wb(); tk:=time.NewTicker(10*time.Millisecond)
  for range 1000 { <-tk.C; b:=time.Now(); do(); took=append(took,time.Since(b)) }
  stop(); slices.Sort(took)
  fmt.Println(kind,"p50",took[500],"p99",took[990],"bytes/entry",(wb()-w0)/1000)
 }
}
func TestZZbig(t *testing.T){
 dir:=t.TempDir()
 l,stop:=start(t,dir,Config{})
 n:=1_000_000
 b0:=time.Now()
 for i:=0;i<n;i+=1000 { if _,err:=l.Append(t.Context(),batch(1000));err!=nil{t.Fatal(err)} }
 stop()
 fmt.Println("append 1M", time.Since(b0))
 b0=time.Now(); l,err:=Open(dir,Config{}); fmt.Println("open",time.Since(b0),err)
 b0=time.Now(); k:=0
 for e,err:=range l.Entries(t.Context(),500_000) { _=e; if err!=nil{t.Fatal(err)}; k++; if k==396_000/2 {break} }
 fmt.Println("range of",k,time.Since(b0)); l.Close()
 b0=time.Now(); r,err:=Verify(t.Context(),dir); fmt.Println("verify",r.Entries,r.Bytes,r.Files,time.Since(b0),err)
 var m runtime.MemStats; runtime.ReadMemStats(&m); fmt.Println("sys MiB",m.Sys>>20)
}

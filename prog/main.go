// go-relay ADDRESS ID SECONDS: the original relay library with two point collectors and a set; prints one line per event.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nanopack/pulse/relay"
)

func main() {
	seconds, _ := strconv.Atoi(os.Args[3])
	r, err := relay.NewRelay(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	var n int64
	count := func() float64 { return float64(atomic.AddInt64(&n, 1)) }
	check := func(e error) {
		if e != nil {
			fmt.Println("failed:", e)
			os.Exit(1)
		}
	}
	check(r.AddCollector("polls", []string{"service:web1", "plain"}, relay.NewPointCollector(count)))
	check(r.AddCollector("third", nil, relay.NewPointCollector(func() float64 { return 1.0 / 3 })))
	check(r.AddCollector("disk", []string{"region:eu"}, relay.NewSetCollector(func() map[string]float64 {
		return map[string]float64{"root": 1.5, "home": 2.25}
	})))
	fmt.Println("connected")
	time.Sleep(time.Duration(seconds) * time.Second)
	r.RemoveCollector("third")
	fmt.Println("polls", atomic.LoadInt64(&n))
}

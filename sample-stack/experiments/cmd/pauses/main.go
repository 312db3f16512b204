// Command pauses allocates much beside a heap that lives, and says as JSON what the garbage
// collector took for it: how long it stopped the world, and how much CPU time.
//
//	pauses 40
//
// makes 40 million short-lived objects. Which collector it is was decided when this was built
// (GOEXPERIMENT).
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime/metrics"
	"strconv"
	"sync"
	"syscall"
)

const (
	workers = 2
	// Of objects: what each worker keeps, for the collector to mark, and what it drops at once.
	keptDepth    = 18
	droppedDepth = 10

	pauses = "/sched/pauses/total/gc:seconds"
	cycles = "/gc/cycles/total:gc-cycles"
)

type outcome struct {
	Cycles uint64  `json:"cycles"`
	Pauses uint64  `json:"pauses"`
	P50Ms  float64 `json:"p50_ms"`
	P99Ms  float64 `json:"p99_ms"`
	LongMs float64 `json:"longest_ms"`
	// Of the whole process. The runtime's own split is of the CPU time that it could have had,
	// which on a busy machine is more than it got.
	CPU float64 `json:"cpu_s"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pauses:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want one argument, how many million objects to make, not %d", len(args))
	}
	millions, err := strconv.Atoi(args[0])
	if err != nil || millions < 1 {
		return fmt.Errorf("%q is no number of millions", args[0])
	}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() { allocate(millions * 1_000_000 / workers) })
	}
	group.Wait()
	found, err := look()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

// tree is small and full of pointers, as most of what services keep.
type tree struct{ left, right *tree }

func grow(depth int) *tree {
	if depth == 0 {
		return &tree{}
	}
	return &tree{grow(depth - 1), grow(depth - 1)}
}

func (t *tree) size() int {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.size() + t.right.size()
}

func allocate(objects int) {
	kept := grow(keptDepth)
	for made := 0; made < objects; {
		made += grow(droppedDepth).size()
	}
	if kept.size() == 0 {
		panic("a tree has at least its root")
	}
}

func look() (outcome, error) {
	samples := []metrics.Sample{{Name: pauses}, {Name: cycles}}
	metrics.Read(samples)
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return outcome{}, err
	}
	histogram := samples[0].Value.Float64Histogram()
	var count uint64
	for _, n := range histogram.Counts {
		count += n
	}
	return outcome{
		Cycles: samples[1].Value.Uint64(),
		Pauses: count,
		P50Ms:  1000 * quantile(histogram, count, 0.5),
		P99Ms:  1000 * quantile(histogram, count, 0.99),
		LongMs: 1000 * quantile(histogram, count, 1),
		CPU:    float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9,
	}, nil
}

// quantile is the upper end of the bucket that it falls into: at most a quarter too long.
func quantile(pauses *metrics.Float64Histogram, count uint64, q float64) float64 {
	rank, seen := uint64(math.Ceil(q*float64(count))), uint64(0)
	for i, n := range pauses.Counts {
		if seen += n; n > 0 && seen >= rank {
			return upperEnd(pauses, i)
		}
	}
	return 0
}

// upperEnd is the lower one where a bucket is open.
func upperEnd(pauses *metrics.Float64Histogram, bucket int) float64 {
	if end := pauses.Buckets[bucket+1]; !math.IsInf(end, 1) {
		return end
	}
	return pauses.Buckets[bucket]
}

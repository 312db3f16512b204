// Command goroutines says what a goroutine that waits costs: as JSON, bytes of each of so many.
//
//	goroutines 100000
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

type cost struct {
	Count    int     `json:"count"`
	Stack    float64 `json:"stack_bytes"`
	Resident float64 `json:"resident_bytes"`
	Reserved float64 `json:"reserved_bytes"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "goroutines:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want one argument, how many to start, not %d", len(args))
	}
	count, err := strconv.Atoi(args[0])
	if err != nil || count < 1 {
		return fmt.Errorf("%q is no number of goroutines", args[0])
	}
	measured, err := measure(count)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(measured)
}

// measure starts count goroutines, and looks at the process once all of them wait.
func measure(count int) (cost, error) {
	before, err := look()
	if err != nil {
		return cost{}, err
	}
	var started, ended sync.WaitGroup
	release := make(chan struct{})
	started.Add(count)
	for range count {
		ended.Go(func() {
			started.Done()
			<-release
		})
	}
	started.Wait()
	after, err := look()
	close(release)
	ended.Wait()
	each := func(before, after uint64) float64 { return (float64(after) - float64(before)) / float64(count) }
	return cost{
		Count:    count,
		Stack:    each(before.stack, after.stack),
		Resident: each(before.resident, after.resident),
		Reserved: each(before.reserved, after.reserved),
	}, err
}

// footprint is in bytes.
type footprint struct{ stack, resident, reserved uint64 }

func look() (footprint, error) {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	pages, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return footprint{}, err
	}
	fields := strings.Fields(string(pages))
	size := uint64(os.Getpagesize())
	reserved, err := strconv.ParseUint(fields[0], 10, 64)
	if err != nil {
		return footprint{}, err
	}
	resident, err := strconv.ParseUint(fields[1], 10, 64)
	return footprint{memory.StackInuse, resident * size, reserved * size}, err
}

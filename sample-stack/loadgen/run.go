package main

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
)

// mostAtOnce bounds what a service that does not answer can pile up here. A request beyond it
// is not sent, and counts as failed.
const mostAtOnce = 1024

// notSent is the code of such a request.
const notSent = "NOT_SENT"

type plan struct {
	rate             float64
	warmup, measured time.Duration
	seed             uint64
}

// result is of the requests that were due while it was measured. Latencies count from when each
// was due: a generator or a service that lags behind adds to them. A request that failed counts as
// one that its client waited for in vain: a service is not quick because it refuses.
type result struct {
	Requests   int            `json:"requests"`
	Failures   map[string]int `json:"failures"`
	Seconds    float64        `json:"seconds"`
	LatencyMS  quantiles      `json:"latency_ms"`
	LateMS     quantiles      `json:"late_ms"` // from when it was due until it was sent
	Sent       int64          `json:"bytes_sent"`
	Received   int64          `json:"bytes_received"`
	CPUSeconds float64        `json:"cpu_seconds"`
}

type quantiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// run sends requests at random times (a Poisson process: clients that know nothing of each
// other), whether earlier ones were answered or not.
func run(ctx context.Context, client transport, mix *mix, plan plan, measuring func()) (result, error) {
	times := rand.New(rand.NewPCG(plan.seed, 1))
	tally := tally{failures: map[string]int{}}
	places := make(chan struct{}, mostAtOnce)
	var underWay sync.WaitGroup
	start := time.Now()
	from, until := start.Add(plan.warmup), start.Add(plan.warmup+plan.measured)
	var before usage
	counted := false
	for due := start; due.Before(until); due = due.Add(gap(times, plan.rate)) {
		if err := sleepUntil(ctx, due); err != nil {
			return result{}, err
		}
		if !counted && !due.Before(from) {
			counted, before = true, used(client)
			measuring()
		}
		call, record := mix.next(), counted
		select {
		case places <- struct{}{}:
		default:
			tally.add(record, notSent, 0, 0)
			continue
		}
		underWay.Go(func() {
			sent := time.Now()
			code := client.send(ctx, call)
			<-places
			if order, ok := call.answer.(*shopv1.Order); ok && code == "OK" {
				mix.placed(order.Id)
			}
			tally.add(record, code, time.Since(due), sent.Sub(due))
		})
	}
	underWay.Wait()
	return tally.result(plan, used(client).since(before)), ctx.Err()
}

func gap(times *rand.Rand, rate float64) time.Duration {
	return time.Duration(times.ExpFloat64() / rate * float64(time.Second))
}

func sleepUntil(ctx context.Context, due time.Time) error {
	if pause := time.Until(due); pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

type tally struct {
	lock            sync.Mutex
	requests        int
	failures        map[string]int
	latencies, late []time.Duration
}

func (t *tally) add(record bool, code string, latency, late time.Duration) {
	if !record {
		return
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	t.requests++
	if code != "OK" {
		t.failures[code]++
		latency = max(latency, callTimeout)
	}
	t.latencies = append(t.latencies, latency)
	t.late = append(t.late, late)
}

func (t *tally) result(plan plan, used usage) result {
	return result{
		Requests: t.requests, Failures: t.failures, Seconds: plan.measured.Seconds(),
		LatencyMS: quantilesOf(t.latencies), LateMS: quantilesOf(t.late),
		Sent: used.sent, Received: used.received, CPUSeconds: used.cpu.Seconds(),
	}
}

// quantilesOf are exact: the smallest time that the share of all does not exceed.
func quantilesOf(times []time.Duration) quantiles {
	if len(times) == 0 {
		return quantiles{}
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		rank := int(math.Ceil(share*float64(len(times)))) - 1
		return float64(times[max(0, rank)]) / float64(time.Millisecond)
	}
	return quantiles{at(0.50), at(0.95), at(0.99), at(1)}
}

// usage is what the generator has used so far: its CPU time, and bytes of its connections.
type usage struct {
	cpu            time.Duration
	sent, received int64
}

func used(client transport) usage {
	var own syscall.Rusage
	// It fails for arguments that are not these only.
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &own)
	sent, received := client.traffic()
	return usage{time.Duration(own.Utime.Nano() + own.Stime.Nano()), sent, received}
}

func (u usage) since(before usage) usage {
	return usage{u.cpu - before.cpu, u.sent - before.sent, u.received - before.received}
}
